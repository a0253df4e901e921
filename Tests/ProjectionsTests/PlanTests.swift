import Ledger
import Postgres
import Projections
import TestSupport
import Testing
import TicketSharing

/// What the server really did, not what a plan of the same text in another session would be.
@Suite(.ledger)
struct PlanTests {
    @Test func `following, reconstructing, verifying and rebuilding never read the whole ledger`() async throws {
        let ledger = try await LedgerFixture()
        try await ledger.addPartner("lens", GeneratedLedger.partnerURL)
        let token = try await ledger.agree("a", with: "lens", at: GeneratedLedger.partnerURL, weSend: false)
        try await ledger.fill(token: token, tickets: 2500, messages: 10_000, bodyByteCount: 300)
        try await ledger.database.execute("VACUUM ANALYZE")
        let before = try await scans(ledger)
        try await ledger.follow()
        _ = try await ledger.session { session in
            for view in PointOfView.allCases {
                for moment in [AsOf.now, .position(Position(rawValue: 3000)), .time(.now())] {
                    let (agreement, ticket) = (AgreementID("a")!, TicketID("t7")!)
                    let share = try Reconstructor.share(
                        agreement: agreement,
                        ticket: ticket,
                        asOf: moment,
                        view: view,
                        in: &session,
                    )
                    #expect(share != nil)
                    #expect(try Reconstructor.agreement(agreement, asOf: moment, in: &session) != nil)
                }
            }
        }
        #expect(try await ledger.verify().differences.first == [])
        #expect(try await ledger.rebuild().differences.isEmpty)
        let after = try await scans(ledger)
        #expect(after.sequential == before.sequential)
        #expect(after.index > before.index)
    }

    /// Scans of the ledger's partitions, once those who scanned have gone and told.
    private func scans(_ ledger: LedgerFixture) async throws -> (sequential: Int, index: Int) {
        let text = try await ledger.database.execute(
            """
            SELECT pg_stat_force_next_flush();
            SELECT sum(seq_scan), sum(idx_scan)
            FROM pg_stat_all_tables
            WHERE schemaname = 'ledger'
                -- The partition made ahead is empty, and reading all of it costs nothing.
                AND relname IN ('event_000000', 'payload_000000')
            """
        )
        let numbers = text.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        return (numbers[0], numbers[1])
    }
}
