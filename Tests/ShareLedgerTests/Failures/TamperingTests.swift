import HTTPServer
import Linux
import TestPeers
import TestSupport
import Testing

/// What becomes of stored bytes that PostgreSQL's superuser has changed with the guards switched off.
@Suite(.fewAtATime) struct TamperingTests {
    @Test func `an altered byte is told by everything that reads it, and is never sent`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 200) }
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1","subject":"Autofocus hunts","status":"open"}"#)
        await partner.waitForRequests(2)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state <> 'delivered'", is: "0")
        try await service.command("partner", "pause", "lenswerk")
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved","comments":[{"uuid":"c1","body":"Fixed."}]}"#)
        try await service.eventually("the follower has read all") {
            try await service.run("doctor").output.contains("OK    following       up to date")
        }
        let updated = try await service.command("history", "--type", "ticket.updated", "--json").objects
        let position = try #require(updated.first?["position"] as? Int)
        try await service.administer(
            """
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            UPDATE ledger.payload
            SET content = replace(convert_from(content, 'UTF8'), 'Fixed.', 'Fined.')::bytea
            WHERE position = \(position) AND part = 'body';
            ALTER TABLE ledger.payload ENABLE ALWAYS TRIGGER refuse_change;
            """
        )
        let altered = "the part body of event \(position) is not what its leaf commits to"
        let unfolded = "event \(position) cannot be folded: its part body is not what its leaf commits to"

        for (words, subject) in [(["doctor"], "leaves      "), (["doctor", "--all"], "whole ledger")] {
            let doctor = try await service.run(words)
            #expect(
                doctor.status == 1 && doctor.output.contains("FAIL  \(subject)    \(altered)\n"),
                "\(doctor.output)"
            )
        }
        let share = "\(agreed.uuid)/t1"
        let reconstructed = try await service.run("reconstruct", share, "--json")
        #expect(reconstructed.status == 1 && reconstructed.errors.contains("Damaged: \(unfolded)\n"))
        #expect(!reconstructed.output.contains("Fined"))
        let shown = try await service.run("ticket", "show", share)
        #expect(shown.status == 1 && shown.output.contains("Damaged       \(unfolded)\n"), "\(shown.output)")
        #expect(!shown.output.contains("Fined"))
        let told = try #require(try await service.run("ticket", "show", share, "--json").json as? [String: Any])
        #expect(told["faults"] as? [String] == [unfolded])
        let verified = try await service.run("projection", "verify")
        #expect(verified.status == 1 && verified.output.contains(unfolded), "\(verified.output)")
        #expect(
            verified.output.contains("which no rebuild puts right") && !verified.output.contains("rebuild' puts this")
        )
        let event = try await service.run("event", "show", "\(position)")
        #expect(event.status == 1 && event.output.contains("damaged"))
        let raw = try await service.run("event", "show", "\(position)", "--raw", "--reason", "case 77")
        #expect(raw.status == 1 && raw.errors.contains("These are not the bytes that were recorded: \(altered)"))
        let asked = try await service.fromDesk("GET", "/lenswerk/tickets/t1", token: agreed.token)
        #expect(asked.status == 503 && !asked.body.contains("Fined"), "\(asked.body)")
        let replay = try await service.run("replay", share, "--dry-run")
        #expect(replay.status == 1 && replay.errors.contains("nothing altered is sent: \(altered)"), "\(replay.errors)")

        try await service.command("partner", "resume", "lenswerk")
        let reason = "SELECT reason FROM delivery.queue WHERE message_position = \(position) AND state = 'parked'"
        try await service.database(reason, becomes: "nothing altered is sent: \(altered)")
        #expect(partner.received == ["POST \(agreed.uuid)", "POST t1"])
    }

    @Test func `a message that was deleted is told by what shows the share, and no rebuild is advised`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 200) }
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1","status":"open"}"#)
        await partner.waitForRequests(2)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state <> 'delivered'", is: "0")
        try await service.command("partner", "pause", "lenswerk")
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved"}"#)
        try await service.eventually("the follower has read all") {
            try await service.run("doctor").output.contains("OK    following       up to date")
        }
        let position = try await service.database("SELECT max(position) FROM ledger.event")
        try await service.administer(
            """
            ALTER TABLE ledger.event DISABLE TRIGGER refuse_change;
            DELETE FROM ledger.event WHERE position = \(position);
            ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change;
            """
        )
        let share = "\(agreed.uuid)/t1"
        let told = "event \(position) cannot be folded: it is not in the ledger any more"
        let reconstructed = try await service.run("reconstruct", share)
        #expect(reconstructed.status == 1 && reconstructed.errors.contains("Damaged: \(told)\n"))
        let shown = try await service.run("ticket", "show", share)
        #expect(shown.status == 1 && shown.output.contains("Damaged       \(told)\n"), "\(shown.output)")
        let asked = try await service.fromDesk("GET", "/lenswerk/tickets/t1", token: agreed.token)
        #expect(asked.status == 503)
        let replay = try await service.run("replay", share, "--mode", "state", "--dry-run")
        #expect(replay.status == 1 && replay.errors.contains("gone from the ledger (event \(position): it is not"))
        let verified = try await service.run("projection", "verify")
        #expect(verified.status == 1 && verified.output.contains("it is not in the ledger any more"))
        #expect(verified.output.contains("which no rebuild puts right"), "\(verified.output)")
    }

    @Test func `altered details keep nobody from reading the rest, nor the service from starting`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner { _, _ in HTTPResponse(status: 500) }
        _ = try await service.agreement(with: partner)
        let large = #"{"uuid":"t1","subject":"\#(String(repeating: "x", count: 5000))"}"#
        let refused = try await service.fromPartner("POST", "/tickets/t1", token: "a9:wrong-key-wrong-key", large)
        #expect(refused.status == 403)
        try await service.eventually("SELECT count(*) FROM audit.attempt WHERE outcome = 'failed'", is: "1")
        try await service.administer(
            """
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            UPDATE ledger.payload SET content = overlay(content PLACING '\\xff'::bytea FROM 3 FOR 1) WHERE part = 'detail';
            ALTER TABLE ledger.payload ENABLE ALWAYS TRIGGER refuse_change;
            """
        )
        try await service.command("delivery", "list")
        for view in ["message", "attempt", "delivery", "operation", "shared_with"] {
            #expect(try await Int(service.sql("SELECT count(*) FROM (SELECT * FROM audit.\(view)) AS v")) != nil)
        }
        #expect(try await service.run("doctor", "--all").status == 1)
        #expect(try await service.stop() == .code(0))
        try await service.start()
        try await service.waitUntilReady()
    }
}
