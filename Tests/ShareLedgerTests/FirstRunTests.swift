import Linux
import TestPeers
import Testing

/// What README.md shows on its first page, on the built program.
@Suite(.fewAtATime) struct FirstRunTests {
    @Test func `an invited partner shares a ticket and it can be looked at from all sides`() async throws {
        let service = try await TestService.started()
        try await service.agree()
        let token = TestService.token()
        let shared = try await service.fromPartner(
            "POST",
            "/tickets/t1",
            token: token,
            #"{"uuid":"t1","subject":"Autofocus hunts","status":"open"}"#,
        )
        #expect(shared.status == 201)
        let position = try #require(shared.header("ShareLedger-Position").flatMap { Int($0) })
        let updated = try await service.fromPartner(
            "PUT",
            "/tickets/t1",
            token: token,
            #"{"status":"solved","comments":[{"uuid":"c1","body":"New firmware."}]}"#,
        )
        #expect(updated.status == 200)

        let history = try await service.command("history", "a1/t1", "--json").objects
        #expect(history.map { $0["type"] as? String } == ["ticket.shared", "ticket.updated"])
        #expect(history.first?["position"] as? Int == position)
        #expect(history.first?["event_id"] as? String == shared.header("ShareLedger-Event-Id"))

        let now = try #require(try await service.command("reconstruct", "a1/t1", "--json").json as? [String: Any])
        #expect(now["status"] as? String == "solved")
        #expect((now["comments"] as? [[String: Any]])?.map { $0["body"] as? String } == ["New firmware."])
        let then = try await service.command("reconstruct", "a1/t1", "--position", "\(position)", "--json")
        #expect((try then.json as? [String: Any])?["status"] as? String == "open")

        #expect(try await service.sql("SELECT count(*) FROM audit.shared_with") == "1")
        #expect(try await service.stop() == .code(0))
    }
}
