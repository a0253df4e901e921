import Foundation
import HTTPServer
import JSON
import TestPeers
import Testing

/// `agreement invite|list|show|accept|decline|deactivate|reactivate|token`, with the partner's side seen from its own desk.
@Suite(.fewAtATime) struct AgreementCommandTests {
    @Test func `an agreement of ours lives its whole life, whatever software the partner runs`() async throws {
        let service = try await TestService.started()
        try await withThrowingTaskGroup { group in
            for dialect in ["standard", "zendesk", "rt"] {
                group.addTask { try await live(with: dialect, service) }
            }
            try await group.waitForAll()
        }
    }

    private func live(with dialect: String, _ service: TestService) async throws {
        let partner = try FakePartner()
        try await service.add(partner, as: dialect, dialect: dialect)
        let agreed = try await service.invite(dialect)
        let (uuid, token) = (agreed.uuid, agreed.token)
        let key = String(token.dropFirst(uuid.count + 1))
        #expect(token == "\(uuid):\(key)" && key.wholeMatch(of: /[0-9a-f]{40}/) != nil)
        #expect(uuid.wholeMatch(of: /[0-9a-f]{40}/) != nil)

        await partner.waitForRequests(1)
        let invitation = try #require(partner.requests.first)
        #expect(invitation.method == "POST" && invitation.target == "/sharing/agreements/\(uuid)")
        Self.expectHead(of: invitation, dialect, token: dialect == "rt" ? token : nil)
        let members = try Self.members(invitation)
        #expect(members["uuid"] == #""\#(uuid)""# && members["name"] == #""MondoCam""#)
        #expect(members["access_key"] == #""\#(key)""# && members["status"] == #""pending""#)
        #expect(members["sender_url"] == #""\#(service.publicURL)""#)
        #expect(members["receiver_url"] == #""\#(partner.url)""#)
        for permission in ["sync_tags", "sync_custom_fields", "allows_public_comments"] {
            // RT knows no permissions.
            #expect(members[permission] == (dialect == "rt" ? nil : "true"))
        }
        #expect(try await status(uuid, service) == "pending")
        // Nothing goes over before the partner has accepted.
        #expect(
            try await service.fromDesk("POST", "/\(dialect)/tickets/t1", token: token, #"{"uuid":"t1"}"#).status == 403
        )
        let ours = try await service.run("agreement", "accept", uuid)
        #expect(ours.status == 1 && ours.errors.contains("the agreement is not changed: "), "\(ours.errors)")

        let accepted = try await service.fromPartner(
            "PUT",
            "/agreements/\(uuid)",
            token: token,
            #"{"status":"accepted"}"#
        )
        #expect(accepted.status == 200)
        #expect(try await status(uuid, service) == "accepted")

        // We suspend it: only we may resume it.
        let suspended = try await service.command("agreement", "deactivate", String(uuid.prefix(8)))
        #expect(suspended.output.contains("  inactive  sender  "))
        #expect(suspended.errors.hasPrefix("Agreement \(uuid) is inactive, recorded at position "))
        await partner.waitForRequests(2)
        let change = try #require(partner.requests.last)
        #expect(change.method == "PUT" && change.target == "/sharing/agreements/\(uuid)")
        Self.expectHead(of: change, dialect, token: token)
        #expect(try Self.members(change)["status"] == #""inactive""#)
        let theirs = try await service.fromPartner(
            "PUT",
            "/agreements/\(uuid)",
            token: token,
            #"{"status":"accepted"}"#
        )
        #expect([403, 422].contains(theirs.status))
        #expect(
            try await service.fromDesk("POST", "/\(dialect)/tickets/t1", token: token, #"{"uuid":"t1"}"#).status == 403
        )
        #expect(try await service.fromPartner("PUT", "/tickets/t1", token: token, #"{"uuid":"t1"}"#).status == 403)
        try await service.command("agreement", "reactivate", uuid)
        await partner.waitForRequests(3)
        #expect(try Self.members(partner.requests[2])["status"] == #""accepted""#)
        #expect(try await status(uuid, service) == "accepted")

        // The partner suspends it: only the partner may resume it.
        let body = #"{"status":"inactive"}"#
        #expect(try await service.fromPartner("PUT", "/agreements/\(uuid)", token: token, body).status == 200)
        let shown = try await service.command("agreement", "show", uuid, "--json").object
        #expect(shown["status"] as? String == "inactive" && shown["deactivated_by"] as? String == "receiver")
        #expect(shown["our_role"] as? String == "sender" && shown["partner"] as? String == dialect)
        let refused = try await service.run("agreement", "reactivate", uuid)
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.errors.contains("the agreement is not changed: "), "\(refused.errors)")
        let resumed = #"{"status":"accepted"}"#
        #expect(try await service.fromPartner("PUT", "/agreements/\(uuid)", token: token, resumed).status == 200)
        #expect(partner.requests.count == 3, "what the partner says is not sent back to it")
    }

    @Test func `an invitation is accepted under a name, another is declined for good`() async throws {
        let service = try await TestService.started()
        let (first, second) = (try FakePartner(), try FakePartner())
        for (agreement, partner) in [("a1", first), ("b2", second)] {
            let body = """
                {"uuid":"\(agreement)","name":"Désk \\u001b[31m","status":"pending","access_key":"\(TestService.key)",\
                "sender_url":"\(partner.url)","receiver_url":"\(service.publicURL)"}
                """
            #expect(try await service.fromPartner("POST", "/agreements/\(agreement)", body).status == 201)
        }
        let list = try await service.command("agreement", "list").output
        #expect(!list.contains("\u{1B}") && list.contains("\\u{1b}[31m"))
        let proposed = try await service.run("agreement", "accept", "a1")
        #expect(proposed.status == 1 && first.requests.isEmpty)
        let advice = "accept it with --partner-name NAME, or with 'shareledger partner add NAME --url \(first.url)'"
        #expect(proposed.errors.contains("\(first.url) is only a proposed partner; \(advice)"), "\(proposed.errors)")
        let insecure = try await service.run("agreement", "accept", "a1", "--partner-name", "first")
        #expect(insecure.status == 1 && insecure.errors.contains("is not https; --allow-http allows it"))

        let odd = try await service.run("agreement", "accept", "a1", "--partner-name", "The First")
        #expect(odd.status == 64 && odd.errors.contains("cannot name a partner; a name is 1 to 63 of"), "\(odd.errors)")

        let options = ["--allow-http", "--allow-private-address", "--dialect", "rt"]
        let accepted = try await service.run(
            ["agreement", "accept", "a1", "--partner-name", "first", "--json"] + options
        )
        #expect(accepted.status == 0, "\(accepted.errors)")
        let object = try accepted.object
        #expect(object["status"] as? String == "accepted" && object["our_role"] as? String == "receiver")
        await first.waitForRequests(1)
        Self.expectHead(of: first.requests[0], "rt", token: TestService.token("a1"))
        #expect(first.received == ["PUT a1"])
        #expect(try Self.members(first.requests[0])["status"] == #""accepted""#)
        let token = try await service.command("agreement", "token", "a1", "--json").object
        #expect(token["agreement"] as? String == "a1" && token["token"] as? String == TestService.token("a1"))
        let other = try await service.run("agreement", "deactivate", "a1", "--partner-name", "x")
        #expect(other.status == 64, "\(other.errors)")
        let again = try await service.run("agreement", "accept", "a1")
        #expect(again.status == 1 && again.errors.contains("accepted already"), "\(again.errors)")

        // Nobody has to be accepted as a partner to be turned down, and nothing is sent to it.
        let declined = try await service.command("agreement", "decline", "b2")
        #expect(declined.errors.hasSuffix("; the partner is only proposed and is not told\n"), "\(declined.errors)")
        #expect(try await status("b2", service) == "declined")
        let late = try await service.run(
            ["agreement", "accept", "b2", "--partner-name", "second", "--allow-http", "--allow-private-address"]
        )
        #expect(late.status == 1 && late.errors.contains("neither the agreement nor its partner is accepted: "))
        #expect(try await service.run("partner", "show", "second").status == 66)
        #expect(try await service.command("delivery", "list", "--agreement", "b2", "--json").objects.isEmpty)
        let doctor = try await service.command("doctor").output
        #expect(doctor.contains("OK    partners        2\n"), "\(doctor)")
        let access = ["--url", second.url, "--allow-http", "--allow-private-address"]
        let added = try await service.run(["partner", "add", "second"] + access)
        #expect(added.status == 0, "\(added.errors)")
        try await service.command("agreement", "invite", "second")
        await second.waitForRequests(1)
        #expect(second.requests.map(\.method) == ["POST"])
        for word in ["accept", "deactivate", "reactivate"] {
            let run = try await service.run("agreement", word, "b2")
            #expect(run.status == 1 && run.errors.contains("the agreement is not changed: "), "\(run.errors)")
        }
        #expect(try await status("b2", service) == "declined")
        let answer = try await service.fromPartner(
            "PUT",
            "/agreements/b2",
            token: TestService.token("b2"),
            #"{"status":"accepted"}"#
        )
        #expect([403, 422].contains(answer.status))
        for words in [["agreement", "show", "zz"], ["agreement", "token", "zz"], ["agreement", "accept", "'; --"]] {
            let run = try await service.run(words)
            #expect(
                run.status == 66
                    && run.errors.contains("there is no agreement \(words[2]); 'shareledger agreement list'")
            )
        }
    }

    @Test func `what an invitation does not allow stands in it, and everything works with the service stopped`()
        async throws
    {
        let service = try TestService()
        try await service.command("init", "--public-url", "https://us.example/sharing")
        try await service.command("partner", "add", "lenswerk", "--url", "https://lenswerk.example/sharing")
        let options = ["--no-tags", "--no-custom-fields", "--no-public-comments"]
        let invited = try await service.run(["agreement", "invite", "lenswerk"] + options)
        #expect(invited.status == 0, "\(invited.errors)")
        let shown = try #require(try await service.command("agreement", "list", "--json").objects.first)
        for permission in ["sync_tags", "sync_custom_fields", "allows_public_comments"] {
            #expect(shown[permission] as? Bool == false)
        }
        #expect(shown["sender_url"] as? String == "https://us.example/sharing")
        #expect((shown["recorded_at"] as? String)?.hasSuffix("Z") == true)
        #expect(shown["name"] as? String == "us.example" && shown["deactivated_by"] is NSNull)
        // Without a name it is our host's, and then the one that was given last.
        var names: [String?] = []
        for options in [[], ["--name", "MondoCam"], []] {
            names.append(
                try await service.run(["agreement", "invite", "lenswerk", "--json"] + options).object["name"] as? String
            )
        }
        #expect(names == ["us.example", "MondoCam", "MondoCam"])
        let unknown = try await service.run("agreement", "invite", "nobody")
        #expect(unknown.status == 66 && unknown.errors.contains("there is no partner nobody"))
    }

    private func status(_ uuid: String, _ service: TestService) async throws -> String {
        let shown = try await service.command("agreement", "show", uuid, "--json").object
        return try #require(shown["status"] as? String)
    }

    private static func members(_ request: HTTPRequest) throws -> [String: String] {
        let root = try JSONDocument(parsing: request.body).root
        return Dictionary(root.members.map { ($0.name ?? "", $0.value.rawText) }, uniquingKeysWith: { $1 })
    }

    /// What each partner's software expects of a request's head.
    private static func expectHead(
        of request: HTTPRequest,
        _ dialect: String,
        token: String?,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) {
        let fields = request.headers
        #expect(fields.all("X-Ticket-Sharing-Token") == (token.map { [$0] } ?? []), sourceLocation: sourceLocation)
        #expect(
            fields.all("X-Ticket-Sharing-Version") == (dialect == "zendesk" ? [] : ["1"]),
            sourceLocation: sourceLocation
        )
        let type = dialect == "rt" ? #"text/x-json; charset="UTF-8""# : "application/json"
        #expect(fields.all("Content-Type") == [type], sourceLocation: sourceLocation)
        #expect(fields.all("Accept") == (dialect == "rt" ? [] : ["application/json"]), sourceLocation: sourceLocation)
        #expect(
            fields.first("Expect") == nil && fields.all("Idempotency-Key").count == 1,
            sourceLocation: sourceLocation
        )
    }
}
