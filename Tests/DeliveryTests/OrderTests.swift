import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// What operators have done with deliveries, and how these read.
@Suite(.schema, .timeLimit(.minutes(5)))
struct OrderTests {
    @Test func `a delivery that is being tried is left alone, and nothing of the order is recorded`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 200)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        let waiting = try #require(try await ledger.queue().first)
        #expect(waiting.state == .waiting)
        try await ledger.withEngine { _ in
            await partner.waitForRequests(1)
            let held = try #require(try await ledger.queue().first)
            #expect(held.state == .claimed && held.claim?.begun != nil)
            let skipped = try await ledger.orders.skip(waiting)
            #expect(skipped.count == 0 && skipped.missed == [waiting.id] && skipped.first == nil)
            #expect(try await ledger.orders.retry(where: "true", now: ledger.clock.now) == DeliveryOrders.Outcome())
            gate.open()
            try await ledger.untilDelivered()
        }
        #expect(try await ledger.events(.deliverySkipped, .deliveryResumed).isEmpty)
        #expect(partner.received == ["POST t1"])
        await ledger.close()
        await partner.stop()
    }

    @Test func `a lane goes on behind what is given up, and what was parked has all its tries again`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.update("t1", under: agreement, subject: "1")
        try await ledger.update("t1", under: agreement, subject: "2")
        try await ledger.share("t2", under: agreement)
        try await ledger.execute(
            """
            UPDATE delivery.queue
            SET state = 'parked', reason = 'the answer was 404', tries = 11, attempts = 11
            WHERE is_head AND share_id = (SELECT min(share_id) FROM ledger.share)
            """
        )
        let first = try #require(try await ledger.queue().first)
        #expect(first.state == .parked && first.reason == "the answer was 404")
        let given = try await ledger.orders.skip(first)
        #expect(given.count == 1 && given.first == given.last && given.missed.isEmpty)
        #expect(try await ledger.queue().map(\.state) == [.waiting, .behind, .waiting])
        // What is due already needs no order; of a lane only the first gets one.
        try await ledger.execute(
            "UPDATE delivery.queue SET due_at = due_at + interval '1 d', tries = 4, attempts = 4 WHERE is_head"
        )
        let resumed = try await ledger.orders.retry(where: "sh.ticket = 't1'", now: ledger.clock.now)
        #expect(resumed.count == 1)
        let rows = try await ledger.value(
            "SELECT string_agg(tries || ' ' || (due_at <= now()), ', ' ORDER BY delivery_id) FROM delivery.queue"
        )
        #expect(rows == "0 true, 0 true, 4 false")
        let events = try await ledger.events(.deliverySkipped, .deliveryResumed)
        #expect(events.map(\.event.type) == [.deliverySkipped, .deliveryResumed])
        #expect(
            events.allSatisfy { $0.text(.detail).contains(#""partner":"lens","reason":"a test","operator":"tester""#) }
        )
        try await ledger.withEngine { _ in await partner.waitForRequests(2) }
        #expect(partner.received == ["PUT t1", "PUT t1"])
        await ledger.close()
        await partner.stop()
    }

    @Test func `a partner that is away is tried at once when an operator says so, and not before`() async throws {
        let away = SilentPort()
        defer { withExtendedLifetime(away) {} }
        let url = away.url
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: url)
        let agreement = try await ledger.agree(with: "lens", at: url)
        for number in 1...OutageRules().faultTolerance {
            try await ledger.share("t\(number)", under: agreement)
        }
        try await ledger.withEngine { _ in
            _ = try await ledger.events(.attemptFailed, count: OutageRules().faultTolerance)
            try await ledger.until("all are given back") { session in
                try session.query("SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL")
                    .onlyRow()[0, as: Int64.self] == 0
            }
            // Less than the pause after the first fault, and so less than the canary's.
            ledger.clock.advance(by: .seconds(1))
            let order = try await ledger.orders.retry(where: "true", now: ledger.clock.now)
            #expect(order.count == OutageRules().faultTolerance)
            // One canary alone; its fault holds the others back again.
            let failed = try await ledger.events(.attemptFailed, count: OutageRules().faultTolerance + 1)
            #expect(failed.count == OutageRules().faultTolerance + 1)
        }
        await ledger.close()
    }

    @Test func `a delivery says what goes before it, in its lane and in others`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        try await ledger.share("t1", under: agreement)
        for name in ["one", "two"] {
            _ = try await ledger.send(
                .outbound,
                "PUT",
                .agreements,
                "a1",
                partner: "lens",
                token: agreement.token,
                body: #"{"name":"\#(name)"}"#
            )
        }
        try await ledger.share("t2", under: agreement)
        let queue = try await ledger.queue()
        #expect(queue.map(\.type) == [.ticketShared, .agreementUpdated, .agreementUpdated, .ticketShared])
        #expect(queue.map(\.state) == [.waiting, .waiting, .behind, .waiting])
        // A message of the agreement waits for the ticket before it, and holds the ticket after it.
        #expect(queue.map(\.barrier) == [nil, queue[0].id, nil, queue[1].id])
        let counts = try await ledger.store.read { session in
            try queue.map { ($0.id, try $0.count(ahead: 10, in: &session), try $0.first(in: &session)) }
        }
        #expect(counts.map(\.1) == [0, 0, 1, 0] && counts[2].2 == queue[1].id)
        try await ledger.setPaused(true, "lens")
        #expect(try await ledger.queue().map(\.holding) == Array(repeating: .paused, count: 4))
        await ledger.close()
    }
}

extension TestLedger {
    fileprivate var orders: DeliveryOrders {
        get throws {
            DeliveryOrders(store: store, warrant: try #require(Warrant(reason: "a test", operator: "tester")))
        }
    }

    fileprivate func queue() async throws -> [QueuedDelivery] {
        try await store.read { session in try QueuedDelivery.all(where: "true", in: &session) }
    }
}
