import Delivery
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// What the server really read, as its statistics tell once the sessions have gone.
@Suite(.schema, .timeLimit(.minutes(5)))
struct QueuePlanTests {
    @Test func `statements planned while the queue was short read no more of it when it is long`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        var agreements: [TestAgreement] = []
        for name in ["here", "away"] {
            try await ledger.addPartner(name, at: "\(partner.url)/\(name)") { $0.concurrency = 8 }
            agreements.append(try await ledger.agree(with: name, at: "\(partner.url)/\(name)", id: name))
        }
        // The sessions plan their statements, and keep the plans.
        for number in 0..<10 { try await ledger.share("short\(number)", under: agreements[0]) }
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        try await ledger.setPaused(true, "away")
        for number in 0..<400 { try await ledger.share("t\(number)", under: agreements[1]) }
        try await ledger.withEngine { _ in
            for number in 0..<50 { try await ledger.share("long\(number)", under: agreements[0]) }
            await partner.waitForRequests(60)
        }
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue") == "400")
        await ledger.close()
        await partner.stop()
        let text = try await TestDatabase.current.execute(
            """
            SELECT pg_stat_force_next_flush();
            SELECT seq_tup_read + idx_tup_fetch
            FROM pg_stat_all_tables
            WHERE schemaname = 'delivery'
                AND relname = 'queue'
            """
        )
        let read = try #require(text.split(whereSeparator: { !$0.isNumber }).last.flatMap { Int($0) })
        // Looking after the queue reads some of it each time; a look at all of it a message would be more than 100,000 rows.
        #expect(read < 40_000, "\(read) rows were read for 460 messages")
    }
}
