import Foundation
import HTTPServer
import TestPeers
import Testing
import TicketSharing

/// What an agreement does not allow: never changed on the wire, never taken over, always listed.
@Suite(.fewAtATime, .timeLimit(.minutes(15))) struct PermissionTests {
    /// All that can be forbidden, said by the receiver; `number` tells the comments of two messages apart.
    private func update(_ number: Int) -> String {
        """
        { "tags" : ["vip"], "custom_fields": {"serial": "LX-50", "n": 2.10},
          "status":"solved" , "custom_status":"Sent back", "subject":"Still hunts",
          "comments":[{"uuid":"p\(number)","body":"Public","custom_fields":{"a":1}},
                      {"uuid":"q\(number)","body":"Private","public":false}] }
        """
    }

    /// A service with an agreement `o1` that our desk made, which allows nothing beyond the ticket itself.
    private func service(_ options: [String], _ partner: FakePartner) async throws -> TestService {
        let service = try await TestService.started(options)
        try await service.command(
            "partner",
            "add",
            "lenswerk",
            "--url",
            partner.url,
            "--allow-http",
            "--allow-private-address",
        )
        let invitation = """
            {"uuid":"o1","name":"MondoCam","status":"pending","access_key":"\(TestService.key)",\
            "sender_url":"http://desk.internal/","receiver_url":"\(service.privateURL)/to/lenswerk",\
            "sync_tags":false,"sync_custom_fields":false,"allows_public_comments":false}
            """
        try await service.ask(.desk, "POST", "/agreements/o1", token: nil, invitation).expectTaken(201)
        let token = TestService.token("o1")
        try await service.ask(.partner, "PUT", "/agreements/o1", token: token, #"{"status":"accepted"}"#).expectTaken(
            200
        )
        let ticket = #"{"uuid":"t1","subject":"Hunts","status":"open"}"#
        try await service.ask(.desk, "POST", "/tickets/t1", token: token, ticket).expectTaken(201)
        return service
    }

    @Test func `what a partner may not say is kept as it came, not taken over, and listed`() async throws {
        let partner = try FakePartner()
        let service = try await service([], partner)
        let answer = try await service.ask(.partner, "PUT", "/tickets/t1", token: TestService.token("o1"), update(1))
        answer.expectTaken(200)
        let position = try #require(answer.position)

        let held = try #require(try await service.command("reconstruct", "o1/t1", "--json").json as? [String: Any])
        #expect(held["subject"] as? String == "Still hunts")
        #expect(held["status"] as? String == "open")
        #expect(held["tags"] == nil && held["custom_fields"] == nil && held["custom_status"] == nil)
        let comments = try #require(held["comments"] as? [[String: Any]])
        #expect(comments.map { $0["body"] as? String } == ["Public", "Private"])
        #expect(comments.allSatisfy { $0["public"] as? Bool == false && $0["custom_fields"] == nil })

        let raw = try await service.command("event", "show", "\(position)", "--raw", "--reason", "dispute")
        #expect(raw.output == update(1))
        let listed = try await service.sql(
            "SELECT not_taken, disclosed_beyond IS NULL FROM audit.message WHERE position = \(position)"
        )
        let members = try listedMembers(listed.split(separator: "|").first)
        #expect(
            members == [
                "status", "custom_status", "tags", "custom_fields", "comments.public p1", "comments.custom_fields p1",
            ]
        )
        #expect(listed.hasSuffix("|t"))
        #expect(try await service.sql("SELECT public_comments_in, private_comments_in FROM audit.shared_with") == "0|2")
        try await service.expectSound()
        await partner.stop()
    }

    @Test func `what our desk may not say is delivered as it is and listed as disclosed beyond the agreement`()
        async throws
    {
        let partner = try FakePartner()
        let service = try await service([], partner)
        let answer = try await service.ask(.desk, "PUT", "/tickets/t1", token: TestService.token("o1"), update(2))
        answer.expectTaken(200)
        await partner.waitForRequests(3)
        #expect(partner.requests.last.map { String(decoding: $0.body, as: UTF8.self) } == update(2))
        let listed = try await service.sql(
            "SELECT disclosed_beyond, not_taken IS NULL FROM audit.message WHERE position = \(answer.position ?? -1)"
        )
        // The sender may change the status and comment in public.
        #expect(
            try listedMembers(listed.split(separator: "|").first) == [
                "tags", "custom_fields", "comments.custom_fields p2",
            ]
        )
        #expect(listed.hasSuffix("|t"))
        #expect(try await service.sql("SELECT disclosed_beyond FROM audit.shared_with") == "1")
        try await service.expectSound()
        await partner.stop()
    }

    @Test func `strictly, our desk is refused what its partner may say all the same`() async throws {
        let partner = try FakePartner()
        let service = try await service(["--strict"], partner)
        let token = TestService.token("o1")
        for body in [
            #"{"tags":["vip"]}"#, #"{"custom_fields":{"a":1}}"#,
            #"{"comments":[{"uuid":"c1","custom_fields":{"a":1}}]}"#,
        ] {
            try await service.ask(.desk, "PUT", "/tickets/t1", token: token, body).expect(422, .notPermitted, body)
        }
        for body in [#"{"tags":[],"custom_fields":{}}"#, #"{"tags":null,"comments":[{"uuid":"c1","public":true}]}"#] {
            try await service.ask(.desk, "PUT", "/tickets/t1", token: token, body).expectTaken(200, body)
        }
        try await service.ask(.partner, "PUT", "/tickets/t1", token: token, update(3)).expectTaken(200)
        try await service.expectSound()
        await partner.stop()
    }

    /// The members of a list in a view, in order, each with the comment that it is about.
    private func listedMembers(_ json: Substring?) throws -> [String] {
        let objects = try JSONSerialization.jsonObject(with: Data((json ?? "").utf8)) as? [[String: String]] ?? []
        return objects.map { object in
            [object["member"], object["comment"]].compactMap(\.self).joined(separator: " ")
        }
    }
}
