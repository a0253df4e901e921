import HTTPServer
import TestPeers
import Testing

/// `delivery list|show|retry|skip`, and where other commands say what waits and what to do about it.
@Suite(.fewAtATime) struct DeliveryCommandTests {
    @Test func `what was refused is shown everywhere with the ways out, and goes on as an operator decides`()
        async throws
    {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        partner.setScript { _, _ in .init(status: 404) }
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1","status":"new"}"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"open"}"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'parked'", is: "1")

        let listed = try await service.command("delivery", "list", "--json").objects
        #expect(listed.map { $0["state"] as? String } == ["parked", "behind another", "behind another"])
        let parked = try await service.command("delivery", "list", "--state", "parked", "--json").objects
        let first = try #require(parked.first?["id"] as? Int)
        #expect(parked.count == 1 && parked.first?["reason"] as? String == "the answer was 404")
        #expect(parked.first?["last_status"] as? Int == 404 && parked.first?["to"] as? String == "partner")
        let table = try await service.command("delivery", "list", "--partner", "lenswerk").output
        #expect(table.hasPrefix("ID") && table.contains("parked") && table.contains("the answer was 404\n"))

        let retry = "'shareledger delivery retry \(first) --reason TEXT' has it tried at once\n"
        let skip = "'shareledger delivery skip \(first) --reason TEXT' gives it up: the next one goes\n"
        let page = try await service.command("ticket", "show", "\(agreed.uuid)/t1").output
        #expect(page.contains("to lenswerk is parked after 1 attempt: the answer was 404\n"), "\(page)")
        #expect(page.contains(retry) && page.contains(skip) && page.contains("waits behind 2 others\n"), "\(page)")
        let shown = try await service.command("delivery", "show", "\(first)").output
        #expect(shown.contains("Last attempt  ") && shown.contains("attempt.failed, status 404, the answer was 404"))
        #expect(shown.contains("To do         \(retry)") && shown.contains(skip), "\(shown)")
        let doctor = try await service.run("doctor").output
        #expect(doctor.contains("'shareledger delivery list --state parked' says why; 'delivery retry'"), "\(doctor)")

        let behind = try #require(listed.last?["id"] as? Int)
        let early = try await service.run("delivery", "skip", "\(behind)", "--reason", "x")
        #expect(
            early.status == 1 && early.errors.contains("waits behind others of its lane: delivery \(first) goes first")
        )
        let given = try await service.command("delivery", "skip", "\(first)", "--reason", "they made it by hand")
        #expect(given.output.hasPrefix("1 delivery is given up, recorded at position "))
        // The next one of the lane is tried by itself, and refused as well.
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'parked'", is: "1")
        #expect(
            try await service.sql("SELECT error FROM audit.delivery WHERE state = 'skipped'") == "they made it by hand"
        )
        partner.setScript { _, _ in .init(status: 200) }
        let again = try await service.command("delivery", "retry", "--all", "--reason", "they have mended it", "--json")
        #expect(try again.object["deliveries"] as? Int == 1)
        try await service.eventually(
            "SELECT string_agg(state, ' ' ORDER BY message_position) FROM audit.delivery WHERE ticket = 't1'",
            is: "skipped delivered delivered"
        )
        #expect(partner.received.suffix(2) == ["PUT t1", "PUT t1"])
        let orders = try await service.command("history", "\(agreed.uuid)/t1", "--type", "delivery", "--json").objects
        #expect(
            orders.map { "\($0["type"] ?? "") \($0["reason"] ?? "")" } == [
                "delivery.parked the answer was 404", "delivery.skipped they made it by hand",
                "delivery.parked the answer was 404", "delivery.resumed they have mended it",
            ]
        )
        let end = try await service.command("ticket", "show", "\(agreed.uuid)/t1").output
        let lost = #/Given up +the ticket\.shared of position \d+ to lenswerk, at \d+ by /#
        #expect(end.matches(of: lost).count == 1, "\(end)")
        #expect(end.contains(": they made it by hand\n"))
        let skipped = try await service.command("ticket", "show", "\(agreed.uuid)/t1", "--json").object["skipped"]
        let one = try #require((skipped as? [[String: Any]])?.first)
        #expect(one["reason"] as? String == "they made it by hand" && one["to"] as? String == "partner")
        let nothing = try await service.command("delivery", "retry", "--partner", "lenswerk", "--reason", "x")
        #expect(nothing.output.hasPrefix("Nothing is to be done"))
        let gone = try await service.run("delivery", "show", "\(first)")
        #expect(gone.status == 66 && gone.errors.contains("there is no delivery \(first) in the queue"))
    }

    @Test func `what waits for its next try is tried at once when an operator says so, with all its tries`()
        async throws
    {
        let service = try await TestService.started(["--retry-schedule", "0s,2h"])
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        partner.setScript { _, _ in .init(status: 503) }
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        await partner.waitForRequests(3)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE due_at > now()", is: "1")
        let waiting = try #require(try await service.command("delivery", "list", "--json").objects.first)
        let id = try #require(waiting["id"] as? Int)
        let page = try await service.command("ticket", "show", "\(agreed.uuid)/t1").output
        #expect(page.contains(", after 2 attempts, the last: the answer was 503\n"), "\(page)")
        try await service.command("delivery", "retry", "\(id)", "--reason", "they are back")
        // Both tries of the schedule are made anew: the one that is due now, and the one right after it.
        await partner.waitForRequests(5)
        try await service.eventually("SELECT attempts FROM audit.delivery WHERE due_at > now()", is: "4")
        partner.setScript { _, _ in .init(status: 200) }
        try await service.command("partner", "pause", "lenswerk")
        let held = try await service.command("delivery", "retry", "--agreement", agreed.uuid, "--reason", "again")
        #expect(
            held.errors.contains("lenswerk is paused: nothing goes to it before 'shareledger partner resume lenswerk'")
        )
        let story = try await service.command("ticket", "show", "\(agreed.uuid)/t1").output
        #expect(story.contains("lenswerk is paused: 'shareledger partner resume lenswerk' lets it go\n"))
        try await service.command("partner", "resume", "lenswerk")
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state <> 'delivered'", is: "0")
    }

    @Test func `of a delivery whose service was killed is said when it was begun and when it is taken over`()
        async throws
    {
        let gate = Gate()
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        partner.setScript { _, _ in
            await gate.wait()
            return .init(status: 201)
        }
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        await partner.waitForRequests(2)
        try await service.killHard()
        gate.open()
        let held = try #require(try await service.command("delivery", "list", "--json").objects.first)
        let (begun, end) = (held["begun_at"] as? String ?? "", held["taken_over_at"] as? String ?? "")
        #expect(held["state"] as? String == "claimed" && !begun.isEmpty && begun < end, "\(held)")
        let sentence = "was begun at \(begun), its end is not recorded; taken over at \(end) if its process has gone\n"
        let id = try #require(held["id"] as? Int)
        for words in [["delivery", "list"], ["delivery", "show", "\(id)"], ["ticket", "show", "\(agreed.uuid)/t1"]] {
            let page = try await service.run(words).output
            #expect(page.contains(sentence), "\(page)")
        }
    }

    @Test func `messages of an agreement are shown with it and with the partner`() async throws {
        let service = try TestService()
        try await service.command("init")
        try await service.command("partner", "add", "lenswerk", "--url", "https://lenswerk.example/sharing")
        let agreed = try await service.command("agreement", "invite", "lenswerk", "--name", "MondoCam", "--json").object
        let uuid = try #require(agreed["uuid"] as? String)
        for words in [["agreement", "show", uuid], ["partner", "show", "lenswerk"]] {
            let page = try await service.run(words).output
            #expect(page.contains("On its way    1 waiting, 0 parked, the oldest since "), "\(page)")
            #expect(page.contains("the agreement.invited of position 2 to lenswerk is due now\n"), "\(page)")
            let object = try await service.run(words + ["--json"]).object
            let deliveries = try #require(object["deliveries"] as? [[String: Any]])
            #expect(deliveries.map { $0["type"] as? String } == ["agreement.invited"] && object["waiting"] as? Int == 1)
        }
    }
}
