import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Shares of which events are gone from the ledger.
@Suite(.schema, .timeLimit(.minutes(5)))
struct GapTests {
    @Test func `the state of a share that lacks an event is neither planned nor made, its messages are`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        var messages: [String: [Receipt]] = [:]
        for ticket in ["middle", "last", "whole"] {
            messages[ticket] = [
                try await ledger.share(ticket, under: agreement),
                try await ledger.update(ticket, "one", under: agreement),
                try await ledger.update(ticket, "two", under: agreement),
            ]
        }
        let middle = try #require(messages["middle"])
        let last = try #require(messages["last"])
        for gone in [middle[1], last[2]] {
            try await ledger.meddle("DELETE FROM ledger.event WHERE position = \(gone.position)")
        }
        for (ticket, position, left) in [
            ("middle", middle[2].position, [middle[0], middle[2]]), ("last", last[2].position, [last[0], last[1]]),
        ] {
            let id = try #require(TicketID(ticket))
            let state = try await ledger.plan(ReplayRequest(.share(agreement.id, id), mode: .state))
            #expect(state.refusals.kept.first?.code == .incomplete && state.refusals.kept.first?.position == position)
            let plan = try await ledger.plan(ReplayRequest(.share(agreement.id, id)))
            #expect(!plan.isRefused && plan.items.map(\.position) == left.map(\.position))
            #expect(plan.warnings.counts[.incomplete] == 1)
            let error = await #expect(throws: ChainGap.self) {
                try await ledger.store.read { session in
                    try StateReplay.messages(agreement: agreement.id, ticket: id, to: .partner, in: &session)
                }
            }
            #expect(error?.position == position)
        }
        let whole = ReplayRequest.Scope.share(agreement.id, try #require(TicketID("whole")))
        #expect(try await !ledger.plan(ReplayRequest(whole, mode: .state)).isRefused)
        await ledger.close()
    }
}
