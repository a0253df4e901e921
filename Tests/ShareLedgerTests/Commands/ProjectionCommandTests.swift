import TestPeers
import Testing

/// `projection verify` and `projection rebuild`.
@Suite(.fewAtATime) struct ProjectionCommandTests {
    @Test func `a changed projection is found and put right, with the service running and stopped`() async throws {
        let service = try await TestService.started()
        try await service.agree()
        let token = TestService.token()
        for number in 1...3 {
            let body =
                #"{"uuid":"t\#(number)","subject":"S","status":"open","comments":[{"uuid":"c\#(number)","body":"B"}]}"#
            #expect(try await service.fromPartner("POST", "/tickets/t\(number)", token: token, body).status == 201)
        }
        try await service.eventually("the follower has read all") {
            try await service.run("doctor").output.contains("OK    following       up to date")
        }
        for isRunning in [true, false] {
            if !isRunning { try await service.stop() }
            let sound = try await service.run("projection", "verify")
            #expect(sound.status == 0 && sound.errors.isEmpty)
            #expect(sound.output == "3 messages of 3 shares folded\nAll projections are what the ledger makes them\n")
            try await service.administer(
                "UPDATE projection.ticket_head SET status = 'stolen' WHERE share_id = (SELECT min(share_id) FROM projection.ticket_head)"
            )
            let wrong = try await service.run("projection", "verify", "--json")
            #expect(wrong.status == 1)
            let report = try #require(try wrong.json as? [String: Any])
            #expect(report["difference_count"] as? Int == 1 && report["shares"] as? Int == 3)
            let difference = try #require((report["differences"] as? [[String: Any]])?.first)
            #expect(difference["table"] as? String == "ticket_head", "\(difference)")
            #expect(
                try await service.run("projection", "verify").output.contains(
                    "'shareledger projection rebuild' puts this right"
                )
            )
            let rebuilt = try await service.run("projection", "rebuild")
            #expect(rebuilt.status == 0 && rebuilt.errors.isEmpty, "\(rebuilt.errors)")
            #expect(
                rebuilt.output.hasSuffix("3 messages of 3 shares folded\nThe old state differed\n"),
                "\(rebuilt.output)"
            )
            let again = try #require(
                try await service.command("projection", "rebuild", "--json").json as? [String: Any]
            )
            #expect(again["swapped"] as? Bool == true && again["difference_count"] as? Int == 0)
            #expect(try await service.command("ticket", "list", "--status", "open", "--json").objects.count == 3)
        }
    }
}
