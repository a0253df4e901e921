import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// Invitations from anybody, as they are the one thing that needs no token.
    @Suite struct InvitationTests {
        /// Members of an invitation by somebody at a URL of his own, each as JSON.
        private func members(_ uuid: String) throws -> [String: String] {
            [
                "uuid": "\"\(uuid)\"", "name": "\"Lenswerk\"", "status": "\"pending\"",
                "access_key": "\"\(TestService.key)\"", "sender_url": "\"https://\(uuid).example/sharing\"",
                "receiver_url": "\"\(try TestService.shared.publicURL)\"",
            ]
        }

        private func body(_ members: [String: String]) -> String {
            "{\(members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ","))}"
        }

        /// Each test is a source of its own, so that the bounds of another do not matter.
        private func invite(
            _ uuid: String,
            _ body: String,
            token: String? = nil,
            from source: String,
        ) async throws -> RawClient.Answer {
            let fields = ["X-Forwarded-For: \(SharedService.address(of: source))"]
            let path = "/agreements/\(uuid)"
            return try await TestService.shared.ask(.partner, "POST", path, token: token, fields: fields, body)
        }

        @Test func `an invitation that is not meant for us or lacks something is refused`() async throws {
            let service = try TestService.shared
            let members = try members("refused")
            let ours = "\"\(service.publicURL)\""
            let somebody = "\"https://somebody.example/sharing\""
            let local = "\"http://127.0.0.1"
            var cases: [(other: [String: String], code: ProtocolFault.Code)] = [
                (["receiver_url": somebody], .invalidValue),
                (["receiver_url": "\(local):\(service.publicPort)/\""], .invalidValue),
                (["receiver_url": "\(local):\(service.publicPort)/sharing/x\""], .invalidValue),
                (["receiver_url": "\(local):\(service.privatePort)/sharing\""], .invalidValue),
                (["sender_url": ours], .invalidValue), (["sender_url": ours, "receiver_url": somebody], .invalidValue),
                (["status": #""accepted""#], .invalidValue), (["status": #""inactive""#], .invalidValue),
                (["deactivated_by": #""sender""#], .invalidValue),
                (["access_key": #""a\r\nX-Evil: 1""#], .invalidValue),
                (["sender_url": #""https://lenswerk.example/\r\nX-Evil:1""#], .invalidValue),
                (["sender_url": #""file:///etc/passwd""#], .invalidValue), (["uuid": #""other""#], .identifierMismatch),
            ]
            cases += ["uuid", "status", "access_key", "sender_url", "receiver_url"].map {
                ([$0: "null"], .missingMember)
            }
            for (other, code) in cases {
                let answer = try await invite("refused", body(members.merging(other) { $1 }), from: "refused")
                answer.expect(422, code, "\(other)")
                guard other.values.contains("null") else { continue }
                let rest = members.filter { other[$0.key] == nil }
                try await invite("refused", body(rest), from: "refused").expect(422, code, "without \(other.keys)")
            }
            let key = TestService.key
            for token in ["refused:\(key)0", "other:\(key)", "refused", "refused:x y", ":\(key)"] {
                let answer = try await invite("refused", body(members), token: token, from: "refused")
                answer.expect(403, .notAuthorized, token)
            }
            let agreements = try await service.command("agreement", "list", "--json").objects
            #expect(!agreements.contains { $0["uuid"] as? String == "refused" })
            let partners = try await service.command("partner", "list", "--json").objects
            #expect(!partners.contains { $0["url"] as? String == "https://refused.example/sharing" })
        }

        @Test func `an invitation that repeats gets the first answer, and any other is refused`() async throws {
            let service = try TestService.shared
            let members = try members("repeats")
            let body = body(members)
            let first = try await invite("repeats", body, token: TestService.token("repeats"), from: "repeats")
            first.expectTaken(201)
            let again = try await invite("repeats", body, from: "repeats")
            again.expectTaken(201)
            #expect(again.position == first.position && again.eventID == first.eventID)
            for other in [["name": "\"Linsenwerk\""], ["access_key": "\"0123456789\""], ["sync_tags": "false"]] {
                let changed = self.body(members.merging(other) { $1 })
                try await invite("repeats", changed, from: "repeats").expect(422, .alreadyExists, "\(other)")
            }
            try await invite("repeats", body + " ", from: "repeats").expect(422, .alreadyExists)
            let source = SharedService.address(of: "repeats")
            let types = "SELECT type, count(*) FROM audit.message WHERE source = '\(source)' GROUP BY 1 ORDER BY 1"
            #expect(
                try await service.sql(types) == "agreement.invited|1\nmessage.duplicated|1\nmessage.refused|4"
            )
        }

        @Test func `nobody can fill the desk with invitations`() async throws {
            for number in 1...10 {
                try await invite("full-\(number)", body(members("full-\(number)")), from: "full").expectTaken(201)
            }
            let answer = try await invite("full-11", body(members("full-11")), from: "full")
            answer.expect(503, .overloaded)
            #expect(answer.header("Retry-After").flatMap { Int($0) } != nil)
            // One that is declined makes room, and its sender need not be accepted for that; he is sent nothing.
            try await TestService.shared.command("agreement", "decline", "full-1")
            try await invite("full-11", body(members("full-11")), from: "full").expectTaken(201)
            let partners = try await TestService.shared.command("partner", "list", "--json").objects
            let declined = partners.first { $0["url"] as? String == "https://full-1.example/sharing" }
            #expect(declined?["state"] as? String == "proposed")
            let sent = "SELECT coalesce(sum(attempts), 0) FROM audit.delivery WHERE agreement = 'full-1'"
            #expect(try await TestService.shared.sql(sent) == "0")
        }

        @Test func `our desk invites only whom an operator has accepted, and as who it is`() async throws {
            let service = try TestService.shared
            try await invite("proposes", body(members("proposes")), from: "proposes").expectTaken(201)
            func ask(_ partner: String, _ receiver: String) async throws -> RawClient.Answer {
                let urls = ["sender_url": #""http://desk.internal/""#, "receiver_url": "\"\(receiver)\""]
                let body = body(try members("invites").merging(urls) { $1 })
                return try await service.fromDesk("POST", "/\(partner)/agreements/invites", body)
            }
            let url = try #require(SharedService.urls["lenswerk"])
            try await ask("nobody", url).expect(404, .unknownResource)
            try await ask("proposed-proposes-example", url).expect(403, .notPermitted)
            try await ask("lenswerk", "https://somebody.example/sharing").expect(422, .invalidValue)
            try await ask("lenswerk", "\(service.privateURL)/to/nobody").expect(422, .invalidValue)
            try await ask("lenswerk", "\(service.privateURL)/to/lenswerk").expectTaken(201)
            let held = try await service.command("agreement", "show", "invites", "--json").object
            #expect(held["sender_url"] as? String == service.publicURL)
            #expect(held["receiver_url"] as? String == url)
        }
    }
}
