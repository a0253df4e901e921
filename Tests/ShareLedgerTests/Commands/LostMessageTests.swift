import TestPeers
import Testing

/// What becomes of messages whose rows somebody deletes from the queue.
@Suite(.fewAtATime) struct LostMessageTests {
    @Test func `doctor names a message that is lost, and what it says to do sends it`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.command("partner", "pause", "lenswerk")
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"open"}"#)
        let shared = "SELECT position FROM ledger.event WHERE type = 'ticket.shared'"
        let position = try await service.database(shared)
        try await service.database("DELETE FROM delivery.queue WHERE message_position = (\(shared))")
        for options in [[], ["--all"]] {
            let doctor = try await service.run(["doctor", "--json"] + options)
            let failed = try doctor.objects.filter { $0["state"] as? String == "fail" }
            #expect(doctor.status == 1 && failed.map { $0["check"] as? String } == ["deliveries", "lost messages"])
            #expect(
                (failed.last?["message"] as? String)?.hasPrefix(
                    "the ticket.shared of \(agreed.uuid)/t1 at position \(position) was neither delivered to the partner"
                ) == true
            )
            #expect(
                (failed.last?["advice"] as? String)?.hasPrefix(
                    "'shareledger replay \(agreed.uuid)/t1 --from \(position) --then-state --reason TEXT' sends it"
                ) == true
            )
        }
        let replay = ["replay", "\(agreed.uuid)/t1", "--from", position, "--reason", "it was lost"]
        // The PUT goes first: it would be known when it comes again behind the POST.
        let bare = try await service.run(replay)
        #expect(bare.status == 1 && bare.errors.contains("'--then-state' ends with what stands now"), "\(bare.errors)")
        let sent = try await service.run(replay + ["--then-state"])
        #expect(sent.status == 0, "\(sent.errors)")
        try await service.command("partner", "resume", "lenswerk")
        try await service.stop()
        try await service.start()
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        #expect(partner.received.dropFirst() == ["PUT t1", "POST t1", "PUT t1", "PUT t1"])
        for options in [[], ["--all"]] {
            let doctor = try await service.run(["doctor"] + options)
            #expect(doctor.status == 0 && doctor.output.contains("OK    lost messages   none\n"), "\(doctor.output)")
        }
    }
}
