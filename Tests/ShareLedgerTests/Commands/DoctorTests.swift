import Foundation
import TestPeers
import TestSupport
import Testing

/// What `doctor` finds wrong, what it calls it, and what it tells one to do.
@Suite(.fewAtATime) struct DoctorTests {
    @Test func `a healthy installation passes, and each thing that breaks is named with what to do`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        try await service.agree(with: partner.url)
        await partner.waitForRequests(1)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state <> 'delivered'", is: "0")
        let ports = ["--public-listen", "127.0.0.1:\(service.publicPort)"]
        let healthy = try await service.run(["doctor"] + ports)
        #expect(healthy.status == 0 && healthy.errors.isEmpty)
        let lines = healthy.output.split(separator: "\n")
        #expect(lines.count > 15 && lines.allSatisfy { $0.hasPrefix("OK    ") }, "\(healthy.output)")
        for subject in ["service         ready at", "public port     open at", "key file", "leaves", "guards"] {
            #expect(healthy.output.contains("OK    \(subject)"))
        }
        let whole = try await service.command("doctor", "--all", "--workers", "1").output
        let line = try #require(whole.split(separator: "\n").first { $0.hasPrefix("OK    whole ledger") })
        let said = /all (\d+) events and \d+ parts are as they were recorded; \d+ events\/s/
        let count = try await service.administer("SELECT count(*) FROM ledger.event")
        #expect(try #require(line.firstMatch(of: said)).1 == count)
        #expect(try await service.run("doctor", "--workers", "3").status == 64)
        let objects = try await service.command("doctor", "--json").objects
        #expect(objects.count == lines.count && objects.allSatisfy { $0["state"] as? String == "ok" })

        let key = "\(service.data)/key"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
        try await expect(service, "key file", "\(key) can be read by others (mode 0644)", "chmod 600 it")
        let broken = try await service.run("doctor").output.split(separator: "\n")
        #expect(broken.allSatisfy { $0.wholeMatch(of: /(OK  |WARN|FAIL) .*| {22}\S.{0,77}/) != nil }, "\(broken)")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)

        try FileManager.default.moveItem(atPath: key, toPath: "\(key).away")
        try await expect(service, "key file", "\(key) cannot be read: No such file", "--key-file names another")
        let agree = try await service.run("partner", "add", "x", "--url", "https://x.example")
        #expect(agree.status == 78 && agree.errors.contains("--key-file names another"), "\(agree.errors)")
        try FileManager.default.moveItem(atPath: "\(key).away", toPath: key)

        let right = try Data(contentsOf: URL(filePath: key))
        // Written in place, the file keeps its owner and mode.
        try Data((String(repeating: "0f", count: 32) + "\n").utf8).write(to: URL(filePath: key))
        let wrong = "\(key) does not open the access keys in the ledger"
        try await expect(service, "key file", wrong, "restore the key file that belongs to this ledger")
        try Data("0f\n".utf8).write(to: URL(filePath: key))
        try await expect(service, "key file", "\(key) does not hold 64 hex digits", "restore it from its backup")
        try right.write(to: URL(filePath: key))

        let migration = "migrations/0002_guards.sql"
        let checksum = try await service.administer("SELECT checksum FROM ledger.migration WHERE path = '\(migration)'")
        let change = "UPDATE ledger.migration SET checksum = '\(checksum)' WHERE path = '\(migration)'"
        try await service.administer(change.replacing(checksum, with: "0"), as: "shareledger_owner")
        try await expect(service, "schema", "schema/\(migration) is not the file that was applied", "restore it")
        try await service.administer(change, as: "shareledger_owner")

        try await service.administer("ALTER TABLE ledger.event_000000 DISABLE TRIGGER refuse_truncate")
        try await expect(
            service,
            "guards",
            "event_000000 refuse_truncate missing or switched off",
            "find out who did this"
        )
        try await service.administer("ALTER TABLE ledger.event_000000 ENABLE ALWAYS TRIGGER refuse_truncate")

        #expect(try await service.run("doctor").status == 0)
        try await service.stop()
        try await expect(service, "service", "nobody answers at \(service.privateURL)/readyz", "'shareledger serve'")
    }

    @Test func `changed rows of the ledger and rows that are gone are found`() async throws {
        let service = try TestService()
        try await service.command("init")
        for name in ["a", "b", "c"] {
            try await service.command("partner", "add", name, "--url", "https://\(name).example")
        }
        let off = "SET session_replication_role = replica; ALTER TABLE ledger.%@ DISABLE TRIGGER refuse_change;"
        try await service.administer(
            String(format: off, "payload_000000")
                + "UPDATE ledger.payload SET content = replace(convert_from(content, 'UTF8'), 'b.example', 'x.example')::bytea WHERE position = 2 AND part = 'detail'"
        )
        let doctor = try await service.run("doctor")
        #expect(doctor.status == 1)
        #expect(
            doctor.output.contains("FAIL  leaves          the part detail of event 2 is not what its leaf commits to\n")
        )
        let all = try await service.run("doctor", "--all", "--json")
        let found = try all.objects.filter { $0["check"] as? String == "whole ledger" }
        #expect(all.status == 1 && found.first?["position"] as? Int == 2 && found.first?["part"] as? String == "detail")
        #expect(
            found.map { $0["message"] as? String } == [
                "the part detail of event 2 is not what its leaf commits to", "1 fault in 4 positions",
            ]
        )
        // The end of the ledger, of which everything else still speaks.
        let follower = "UPDATE projection.follower SET next_position = next_position %@ 7"
        try await service.administer("UPDATE projection.follower SET next_position = 4")
        try await service.administer(String(format: follower, "+"))
        let end = try await service.run("doctor").output
        #expect(end.contains("FAIL  ledger          position 10 was recorded, but the ledger ends at 3\n"), "\(end)")
        #expect(end.contains("FAIL  following       tickets are folded as far as position 11, where "), "\(end)")
        try await service.administer(String(format: follower, "-"))
        let event = try await service.run("event", "show", "2")
        #expect(event.status == 1 && event.output.contains("damaged"))
        try await service.administer(
            String(format: off, "event_000000").replacing("DISABLE TRIGGER refuse_change", with: "DISABLE TRIGGER ALL")
                + "DELETE FROM ledger.event WHERE position = 1"
        )
        #expect(
            try await service.run("doctor").output.contains("FAIL  gaps            there is no event at position 1\n")
        )
        #expect(
            try await service.run("doctor", "--all").output.contains(
                "FAIL  whole ledger    there is no event at position 1\n"
            )
        )
    }

    @Test func `only what could have been tried is overdue, and what names another partner is told`() async throws {
        let service = try TestService()
        try await service.command("init")
        for name in ["a", "b"] {
            try await service.command("partner", "add", name, "--url", "https://\(name).example")
        }
        try await service.command("agreement", "invite", "a", "--name", "We")
        // A ticket's lane, long due, behind the invitation that is to be tried again in an hour.
        try await service.administer(
            """
            UPDATE delivery.queue SET due_at = now() + interval '1 hour';
            INSERT INTO delivery.queue (
                partner_id, stream_id, share_id, queue_position, message_position, message_id, enqueued_at, due_at,
                is_head, is_barrier, kind)
            SELECT partner_id, stream_id, stream_id, queue_position + 1, message_position, message_id, now(),
                now() - interval '1 hour', true, false, 'message'
            FROM delivery.queue;
            """
        )
        let behind = try await service.run("doctor").output
        #expect(!behind.contains("should have been tried"), "\(behind)")
        let other = "FAIL  deliveries      1 name another partner, message or share than the ledger does\n"
        #expect(behind.contains(other), "\(behind)")
        let list = try await service.command("delivery", "list").output
        #expect(list.contains("goes first\n"), "\(list)")

        try await service.administer("UPDATE delivery.queue SET due_at = now() - interval '1 hour'")
        let due = try await service.run("doctor").output
        #expect(due.contains("WARN  deliveries      1 should have been tried 10 minutes ago\n"), "\(due)")
        try await service.administer(
            """
            DELETE FROM delivery.queue WHERE NOT is_barrier;
            UPDATE delivery.queue SET partner_id = (SELECT partner_id FROM projection.partner WHERE name = 'b');
            """
        )
        let misdirected = try await service.run("doctor").output
        #expect(misdirected.contains(other), "\(misdirected)")
    }

    @Test func `rows of the queue that nothing of ours can have written are told`() async throws {
        let service = try TestService()
        try await service.command("init")
        try await service.command("partner", "add", "a", "--url", "https://a.example")
        try await service.command("agreement", "invite", "a", "--name", "We")
        func told(_ options: String...) async throws -> String { try await service.run(["doctor"] + options).output }
        #expect(try await told().contains("OK    deliveries      1 on their way\n"))

        // Due at the end of the longest pause, and an hour after what that may come to.
        try await service.administer("UPDATE delivery.queue SET due_at = now() + interval '26 hours'")
        #expect(try await told().contains("OK    deliveries      1 on their way\n"))
        try await service.administer("UPDATE delivery.queue SET due_at = now() + interval '27 hours'")
        let late = try await told()
        let message = "FAIL  deliveries      1 are due in more than 26 hours, later than any retry\n"
        #expect(late.contains(message), "\(late)")
        #expect(try await told("--retry-schedule", "30h").contains("OK    deliveries      1 on their way\n"))

        try await service.administer("UPDATE delivery.queue SET due_at = now(), is_barrier = false")
        let label = "FAIL  deliveries      1 are marked as an agreement's own message and are none, or the other way"
        #expect(try await told().contains(label))
        try await service.administer("UPDATE delivery.queue SET is_barrier = true, share_id = stream_id")
        #expect(try await told("--all").contains(label))

        try await service.administer(
            """
            UPDATE delivery.queue SET share_id = NULL;
            INSERT INTO delivery.queue (
                partner_id, stream_id, queue_position, item, message_position, message_id, enqueued_at, due_at, is_head,
                is_barrier, kind)
            SELECT partner_id, stream_id, queue_position, 1, message_position, message_id, now(), now(), true, true, 'message'
            FROM delivery.queue;
            """
        )
        for output in [try await told(), try await told("--all")] {
            #expect(output.contains("FAIL  deliveries      1 lanes have several heads, so that "), "\(output)")
        }
        try await service.administer("UPDATE delivery.queue SET is_head = false WHERE item = 1")
        #expect(try await told().contains("OK    deliveries      2 on their way\n"))
    }

    @Test func `the service of another ledger is not taken for ours, whatever its name`() async throws {
        let other = try await TestService.started(["--origin", "desk.example"])
        let ready = try #require(try await other.ask("GET", "/readyz", at: other.privatePort))
        #expect(ready.body.wholeMatch(of: /ready\nledger desk\.example\/1 [0-9a-f]{64}\n/) != nil, "\(ready.body)")
        let place = ["--private-listen", "127.0.0.1:\(other.privatePort)"]
        #expect(try await other.run(["doctor"] + place).status == 0)
        for (origin, name) in [
            ("ours.example", "another ledger, "), ("desk.example", "another ledger of the same name, "),
        ] {
            let ours = try TestService()
            try await ours.command("init", "--origin", origin)
            let doctor = try await ours.run(["doctor"] + place)
            let message =
                "what answers at \(other.privateURL)/readyz serves \(name)desk.example/1, and not \(origin)/1 of here"
            #expect(
                doctor.status == 1 && doctor.output.contains("FAIL  service         \(message)\n"),
                "\(doctor.output)"
            )
        }
    }

    @Test func `where there is nothing it says so and makes nothing`() async throws {
        let directory = try TemporaryDirectory()
        let place = directory.path(of: "none")
        let run = try await ShareLedgerProgram().run(["doctor", "--data", place])
        #expect(run.status == 1 && run.errors.isEmpty)
        #expect(run.output.hasPrefix("FAIL  data directory  there is no \(place)\n"))
        #expect(run.output.contains("make it with 'shareledger init'"))
        #expect(!FileManager.default.fileExists(atPath: place))
    }

    /// It fails, and one line of it names the thing, the next one what to do about it.
    private func expect(
        _ service: TestService,
        _ subject: String,
        _ message: String,
        _ advice: String,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let doctor = try await service.run("doctor", "--json")
        #expect(doctor.status == 1, sourceLocation: sourceLocation)
        let found = try doctor.objects.filter { $0["state"] as? String == "fail" }
        #expect(
            found.count == 1 && found.first?["check"] as? String == subject,
            "\(found)",
            sourceLocation: sourceLocation
        )
        let said = found.first?["message"] as? String ?? ""
        let told = found.first?["advice"] as? String ?? said
        #expect(said.contains(message), "\(said)", sourceLocation: sourceLocation)
        #expect(told.contains(advice), "\(told)", sourceLocation: sourceLocation)
    }
}
