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

@Suite(.schema, .timeLimit(.minutes(5)), .tags(.concurrency))
struct SharedWorkTests {
    @Test func `two processes share the work, send nothing twice and keep to the partner's limit`() async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: 200) }
        let first = try await TestLedger()
        try await first.addPartner("lens", at: partner.url) { $0.concurrency = 5 }
        let agreement = try await first.agree(with: "lens", at: partner.url)
        for number in 0..<30 {
            try await first.share("t\(number)", under: agreement)
            for change in 0..<3 {
                try await first.update("t\(number)", under: agreement, subject: "\(change)")
            }
        }
        // Work is taken in small bites, so that neither takes all of it.
        let second = try await TestLedger(clock: first.clock) { $0.maximumInFlight = 3 }
        let third = try await TestLedger(clock: first.clock) { $0.maximumInFlight = 3 }
        try await second.withEngine { _ in
            try await third.withEngine { _ in
                await partner.waitForRequests(120)
                try await second.untilDelivered(seenBy: [second, third])
            }
        }
        #expect(partner.requests.count == 120)
        #expect(Set(partner.requests.compactMap { $0.headers.first("Idempotency-Key") }).count == 120)
        #expect(partner.mostActive <= 5)
        let succeeded = try await first.events(.attemptSucceeded)
        #expect(succeeded.count == 120)
        #expect(try await first.events(.attemptUnknown, .attemptFailed).isEmpty)
        #expect(
            try await isInOrder(
                partner.requests.map { (String($0.target), $0.headers.first("Idempotency-Key") ?? "") },
                first
            )
        )
        for ledger in [first, second, third] { await ledger.close() }
        await partner.stop()
    }

    /// Whether each share's messages came in the order of their positions.
    private func isInOrder(_ received: [(target: String, key: String)], _ ledger: TestLedger) async throws -> Bool {
        let positions = try await ledger.store.read { session in
            let rows = try session.query("SELECT event_id::text, position FROM ledger.event WHERE type LIKE 'ticket.%'")
            return Dictionary(try rows.decode((String, Int64).self).map { ($0.0, $0.1) }, uniquingKeysWith: { $1 })
        }
        let lanes = Dictionary(grouping: received, by: \.target).values
        return lanes.allSatisfy { lane in
            let order = lane.map { positions[$0.key] ?? -1 }
            return order == order.sorted() && !order.contains(-1)
        }
    }

    @Test func `a claim taken by two at once goes to one of them`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing") { $0.concurrency = 100 }
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        for number in 0..<40 {
            try await ledger.share("t\(number)", under: agreement)
        }
        let now = ledger.clock.now
        let claimed = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await ledger.store.read { session in
                        try session.query(
                            """
                            SELECT delivery_id
                            FROM delivery.claim(gen_random_uuid(), 60, \(now), 10, 1000000, 0, 0)
                            """
                        ).decode((Int64).self)
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 40)
        #expect(Set(claimed).count == 40)
        await ledger.close()
    }

    @Test func `a claim is bounded in bytes, but never empty`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing") { $0.concurrency = 100 }
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        for number in 0..<5 {
            try await ledger.share("t\(number)", under: agreement, subject: String(repeating: "x", count: 10_000))
        }
        let now = ledger.clock.now
        func claim(_ bytes: Int64) async throws -> Int {
            try await ledger.store.read { session in
                try session.query(
                    """
                    SELECT delivery_id
                    FROM delivery.claim(gen_random_uuid(), 60, \(now), 10, \(bytes), 0, 0)
                    """
                ).count
            }
        }
        #expect(try await claim(1) == 1)
        #expect(try await claim(25_000) == 3)
        #expect(try await claim(1_000_000) == 1)
        await ledger.close()
    }

    @Test(arguments: [
        ("'up', NULL, NULL", 6), ("'struggling', 2, NULL", 2), ("'out', NULL, now() + interval '1 min'", 0),
        ("'out', NULL, now() - interval '1 d'", 1),
    ])
    func `a destination gets as much as its state says`(state: String, count: Int) async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing") { $0.concurrency = 6 }
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        for number in 0..<8 { try await ledger.share("t\(number)", under: agreement) }
        try await TestDatabase.current.execute(
            """
            INSERT INTO delivery.destination (
                partner_id, state, in_flight_limit, canary_at, failures, history, refusals, canaries)
            SELECT partner_id, \(state), 0, 0, 0, 0 FROM projection.partner
            """
        )
        let now = ledger.clock.now
        let claimed = try await ledger.store.read { session in
            try session.query(
                "SELECT delivery_id FROM delivery.claim(gen_random_uuid(), 60, \(now), 10, 1000000, 0, 0)"
            ).decode((Int64).self)
        }
        #expect(claimed.count == count)
        let canary = try await ledger.value("SELECT canary::text FROM delivery.destination")
        #expect(canary == (count == 1 ? claimed.first.map { "\($0)" } : nil))
        await ledger.close()
    }

    @Test(arguments: [(tried: 0, claimed: "4 0"), (tried: 8, claimed: "2 2"), (tried: 16, claimed: "0 3")])
    func `what is new has places of its own beside what is tried again`(tried: Int, claimed: String) async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing") { $0.concurrency = 4 }
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        for number in 0..<16 { try await ledger.share("t\(number)", under: agreement) }
        // The older ones are those that were tried: by age alone they would come first.
        try await ledger.execute(
            """
            UPDATE delivery.queue SET tries = 1
            WHERE delivery_id IN (SELECT delivery_id FROM delivery.queue ORDER BY due_at LIMIT \(Int64(tried)))
            """
        )
        let now = ledger.clock.now
        for _ in 0..<2 {
            try await ledger.execute("SELECT delivery.claim(gen_random_uuid(), 60, \(now), 20, 1000000, 0, 0)")
            let counts = try await ledger.value(
                """
                SELECT concat_ws(' ', count(*) FILTER (WHERE tries = 0), count(*) FILTER (WHERE tries = 1))
                FROM delivery.queue
                WHERE claim IS NOT NULL
                """
            )
            #expect(counts == claimed, "a second claim finds no more room")
        }
        await ledger.close()
    }

    @Test func `what is tried again is not behind a replay that was asked for before`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing") { $0.concurrency = 4 }
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        for number in 0..<12 { try await ledger.share("t\(number)", under: agreement) }
        try await ledger.execute(
            """
            INSERT INTO delivery.replay (replay_id, mode, reason, operator, requested_at, item_count)
            VALUES (0, 'messages', 'test', 'test', now(), 10)
            """
        )
        // Ten are of the replay; the last two came later and have failed once.
        try await ledger.execute(
            """
            UPDATE delivery.queue AS q
            SET replay_id = CASE WHEN n.number <= 10 THEN 0 END,
                item = n.number,
                tries = CASE WHEN n.number <= 10 THEN 0 ELSE 1 END
            FROM (SELECT delivery_id, row_number() OVER (ORDER BY due_at, delivery_id) FROM delivery.queue)
                AS n (delivery_id, number)
            WHERE q.delivery_id = n.delivery_id
            """
        )
        let now = ledger.clock.now
        try await ledger.execute("SELECT delivery.claim(gen_random_uuid(), 60, \(now), 20, 1000000, 0, 0)")
        let claimed = try await ledger.value(
            "SELECT string_agg(source::text, ' ' ORDER BY source) FROM delivery.queue WHERE claim IS NOT NULL"
        )
        #expect(claimed == "-1 -1 0" || claimed == "-1 0 0")
        await ledger.close()
    }

    @Test func `a partner's rate bounds what is claimed for it in a second, and nobody else's`() async throws {
        let ledger = try await TestLedger()
        for (name, rate) in [("slow", 10), ("quick", nil)] {
            let url = "https://\(name).example/sharing"
            try await ledger.addPartner(name, at: url) {
                $0.concurrency = 50
                $0.rate = rate
            }
            let agreement = try await ledger.agree(with: name, at: url, id: name)
            for number in 0..<30 { try await ledger.share("\(name)\(number)", under: agreement) }
        }
        let now = ledger.clock.now
        var claimed: [[String: Int]] = []
        for milliseconds in [0, 99, 300, 10_000] {
            let due = now.advanced(by: .milliseconds(milliseconds))
            let names = try await ledger.store.read { session in
                try session.query(
                    "SELECT partner FROM delivery.claim(gen_random_uuid(), 60, \(due), 100, 10000000, 0, 0)"
                ).decode((String).self)
            }
            claimed.append(Dictionary(grouping: names, by: \.self).mapValues(\.count))
        }
        #expect(claimed == [["slow": 1, "quick": 30], [:], ["slow": 3], ["slow": 10]])
        await ledger.close()
    }

    @Test func `partners take turns, and a limit on all is shared among them`() async throws {
        let ledger = try await TestLedger()
        for number in 0..<4 {
            let url = "https://lens\(number).example/sharing"
            try await ledger.addPartner("lens\(number)", at: url) { $0.concurrency = 10 }
            let agreement = try await ledger.agree(with: "lens\(number)", at: url, id: "a\(number)")
            for ticket in 0..<6 {
                try await ledger.share("t\(number)\(ticket)", under: agreement)
            }
        }
        let now = ledger.clock.now
        let claimed = try await ledger.store.read { session in
            try session.query(
                """
                SELECT partner
                FROM delivery.claim(gen_random_uuid(), 60, \(now), 8, 1000000, 0, 0)
                """
            ).decode((String).self)
        }
        #expect(claimed.sorted() == ["lens0", "lens0", "lens1", "lens1", "lens2", "lens2", "lens3", "lens3"])
        await ledger.close()
    }
}
