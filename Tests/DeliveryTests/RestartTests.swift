import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Logging
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)), .tags(.concurrency))
struct RestartTests {
    @Test func `an attempt whose process died becomes unknown before the next one`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        // As a process leaves it that is killed while it waits for the answer.
        try await ledger.execute(
            """
            UPDATE delivery.queue
            SET claim = gen_random_uuid(), claimed_until = now() - interval '1 s', exchange = gen_random_uuid(),
                attempts = 1, tries = 1
            """
        )
        let exchange = try await ledger.value("SELECT exchange::text FROM delivery.queue")
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let events = try await ledger.events(.attemptBegun, .attemptUnknown, .attemptSucceeded)
        #expect(events.map(\.event.type) == [.attemptUnknown, .attemptBegun, .attemptSucceeded])
        #expect(events.map(\.event.attempt) == [1, 2, 2])
        #expect(events[0].event.exchange?.description == exchange)
        #expect(events[0].event.ticket == "t1")
        await ledger.close()
        await partner.stop()
    }

    @Test func `a claim without an attempt is only given back`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.execute(
            "UPDATE delivery.queue SET claim = gen_random_uuid(), claimed_until = now() - interval '1 s'"
        )
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(try await ledger.events(.attemptUnknown).isEmpty)
        #expect(partner.requests.count == 1)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a message that was lost at every try is parked, not sent for ever`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger { $0.schedule = RetrySchedule(pauses: [.seconds(1)]) }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.execute(
            """
            UPDATE delivery.queue
            SET claim = gen_random_uuid(), claimed_until = now() - interval '1 s', exchange = gen_random_uuid(),
                attempts = 2, tries = 2
            """
        )
        try await ledger.withEngine { _ in
            _ = try await ledger.events(.deliveryParked, count: 1)
        }
        #expect(try await ledger.events(.attemptUnknown).count == 1)
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a worker that lost its claim records what happened and leaves the queue alone`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 201)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            await partner.waitForRequests(1)
            // Somebody else has taken it over and is at work.
            try await ledger.execute(
                "UPDATE delivery.queue SET claim = gen_random_uuid(), claimed_until = now() + interval '60 s', exchange = gen_random_uuid()"
            )
            gate.open()
            let succeeded = try await ledger.events(.attemptSucceeded, count: 1)
            #expect(succeeded[0].event.attempt == 1)
        }
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE exchange IS NOT NULL") == "1")
        #expect(ledger.log.all.contains { $0.message.contains("taken over") })
        await ledger.close()
        await partner.stop()
    }

    @Test func `a stop lets what is under way finish and claims nothing more`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 201)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url) { $0.concurrency = 2 }
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        for number in 0..<5 {
            try await ledger.share("t\(number)", under: agreement)
        }
        let engine = ledger.makeEngine()
        await withTaskGroup { group in
            group.addTask { await engine.run() }
            await partner.waitForRequests(2)
            group.addTask { await engine.stop(deadline: .seconds(20)) }
            gate.open()
            await group.waitForAll()
        }
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE claim IS NOT NULL") == "0")
        #expect(try await ledger.events(.attemptSucceeded).count == partner.requests.count)
        #expect(engine.inFlightCount == 0)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a stop without time breaks attempts off, says so, and gives the try back`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 201)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        let engine = ledger.makeEngine()
        await withTaskGroup { group in
            group.addTask { await engine.run() }
            await partner.waitForRequests(1)
            await engine.stop(deadline: .zero)
            await group.waitForAll()
        }
        let unknown = try await ledger.events(.attemptUnknown)
        #expect(unknown.count == 1)
        #expect(unknown[0].text(.facts).contains(#""class":"interrupted""#))
        #expect(
            try await ledger.value("SELECT concat_ws(' ', state, claim, exchange, attempts, tries) FROM delivery.queue")
                == "waiting 1 0"
        )
        gate.open()
        await ledger.close()
        await partner.stop()
    }

    @Test func `a cancelled engine leaves no claim behind and can run again`() async throws {
        let gate = Gate()
        let partner = try FakePartner { number, _ in
            if number == 0 { await gate.wait() }
            return HTTPResponse(status: 201)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        let engine = ledger.makeEngine()
        await withTaskGroup { group in
            group.addTask { await engine.run() }
            await partner.waitForRequests(1)
            group.cancelAll()
            await group.waitForAll()
        }
        gate.open()
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE claim IS NOT NULL") == "0")
        try await ledger.withEngine(engine) { _ in try await ledger.untilDelivered() }
        #expect(partner.requests.count == 2)
        await ledger.close()
        await partner.stop()
    }
}
