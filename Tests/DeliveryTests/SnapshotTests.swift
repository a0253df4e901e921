import Delivery
import Foundation
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// Somebody holds a snapshot open, as an export does, so that nothing that was delivered since can be cleaned away.
@Suite(.schema, .timeLimit(.minutes(5)))
struct SnapshotTests {
    @Test func `a claim reads no more while a snapshot is held, however much was delivered since`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger { $0.upkeepInterval = .seconds(5) }
        try await ledger.addPartner("lens", at: partner.url) { $0.concurrency = 16 }
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        for ticket in 0..<20 { try await ledger.share("t\(ticket)", under: agreement) }
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let holder = try await PostgresConnection.open(
            PostgresConfiguration(server: .keywords(TestDatabase.current.parameters(as: .service))),
        )
        try await holder.withSession { session in
            _ = try session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            _ = try session.query("SELECT count(*) FROM delivery.queue")
        }
        var reads: [(behindFloors: Int, everything: Int)] = []
        for round in 0..<2 {
            try await ledger.withEngine { _ in
                for number in 0..<(round == 0 ? 5 : 25) {
                    for ticket in 0..<20 {
                        try await ledger.update("t\(ticket)", under: agreement, subject: "\(round) \(number)")
                    }
                }
                try await ledger.untilDelivered()
            }
            ledger.clock.advance(by: .seconds(5))
            let behindFloors = try await pagesRead(ledger, withFloors: true)
            reads.append((behindFloors, try await pagesRead(ledger, withFloors: false)))
        }
        #expect(reads[1].everything > reads[0].everything + 20, "nothing dead is left to be read: \(reads)")
        #expect(reads[1].behindFloors < reads[0].behindFloors + 8, "\(reads)")
        #expect(partner.requests.count == 620)
        try await holder.withSession { session in _ = try session.execute("COMMIT") }
        await holder.close()
        await ledger.close()
        await partner.stop()
    }

    /// Pages that a claim looks at which finds nothing, by a worker that is alone.
    private func pagesRead(_ ledger: TestLedger, withFloors: Bool) async throws -> Int {
        let due = "'\(ledger.clock.now)'::timestamptz"
        let floors = """
            (SELECT array_agg(partner_id ORDER BY partner_id, source) FROM delivery.claim_floors(NULL, NULL, NULL)),
            (SELECT array_agg(source ORDER BY partner_id, source) FROM delivery.claim_floors(NULL, NULL, NULL)),
            (SELECT array_agg(coalesce(due_at, \(due) - interval '1 s') ORDER BY partner_id, source)
                FROM delivery.claim_floors(NULL, NULL, NULL))
            """
        let claim = """
            SELECT * FROM delivery.claim(gen_random_uuid(), 60, \(due), 10, 1000000, 0, 0,
                '00000000-0000-7000-8000-000000000001', '{}', '{}', '{}', f.partners, f.sources, f.floors)
            """
        let nothing = "NULL::bigint[], NULL::bigint[], NULL::timestamptz[]"
        let from = "(SELECT \(withFloors ? floors : nothing) OFFSET 0) AS f (partners, sources, floors)"
        let counted = "FROM f CROSS JOIN LATERAL (\(claim)) AS claimed"
        let plan = try await TestDatabase.current.execute(
            """
            CREATE TEMPORARY TABLE f AS SELECT * FROM \(from);
            SELECT count(*) \(counted);
            EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) \(counted);
            """
        )
        // What the whole statement has read stands at the top of its plan.
        let pages = try #require(plan.firstMatch(of: /Buffers: shared hit=(\d+)/), "\(plan)")
        return try #require(Int(pages.1))
    }
}
