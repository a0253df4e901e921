import Ledger
import LedgerStore
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Events that somebody has deleted behind the ledger's back.
@Suite(.ledger)
struct GapTests {
    private let agreement = AgreementID("a")!
    private let ticket = TicketID("t")!

    @Test(arguments: [0, 1, 2, 3])
    func `a share tells that an event of it is gone, whichever it is`(number: Int) async throws {
        let ledger = try await LedgerFixture()
        let messages = try await messages(ledger)
        try await ledger.follow()
        let before = try await ledger.dump()
        try await ledger.removeEvent(messages[number].position)
        let isLast = number == 3
        let named = messages[isLast ? number : number + 1].position
        let reason =
            isLast
            ? "it is not in the ledger any more"
            : "what came right before it in its share is not in the ledger any more"
        let fault = "event \(named) cannot be folded: \(reason)"
        let share = try #require(try await share(ledger))
        #expect(share.faults.map(\.description) == [fault] && share.faults.allSatisfy(\.isDamage))
        // What it was before is known; what it was from then on is not.
        if number > 0 {
            let then = try await self.share(ledger, asOf: .position(messages[number - 1].position))
            #expect(then?.faults == [])
            let moment = AsOf.time(messages[number - 1].recorded.advanced(by: .microseconds(-1)))
            let earlier = try await self.share(ledger, asOf: moment)
            #expect(earlier?.faults.isEmpty != false)
        }
        if number < 3 {
            let then = try await self.share(ledger, asOf: .position(messages[number + 1].position))
            #expect(then?.faults.count == 1)
        }

        let report = try await ledger.verify()
        #expect(report.differences.unfoldableCount > 0)
        #expect(report.differences.first.contains { "\($0)".contains("event \(named) cannot be folded: \(reason)") })
        let rebuilt = try await ledger.rebuild()
        #expect(rebuilt.faults.contains { $0.description == fault } && rebuilt.mendedCount == 0)
        #expect(try await ledger.dump()["ticket_head"] == before["ticket_head"])
        let unfolded = try await ledger.database.execute("SELECT position FROM projection.unfolded")
        #expect(unfolded == "\(named)\n")
    }

    @Test func `a ledger that lacks events of agreements or partners is not what a rebuild mends`() async throws {
        let ledger = try await LedgerFixture()
        _ = try await messages(ledger)
        try await ledger.follow()
        let before = try await ledger.dump()
        for type in ["partner.changed", "agreement.updated"] {
            let last = "SELECT max(position) FROM ledger.event WHERE type = '\(type)'"
            let found = try await ledger.database.execute(last)
            guard let position = Int64(found.dropLast()) else { continue }
            try await ledger.removeEvent(Position(rawValue: position))
        }
        let report = try await ledger.verify()
        #expect(report.differences.unfoldableCount > 0)
        #expect(report.differences.first.contains { $0.table == .agreement && "\($0)".contains("cannot be folded") })
        #expect(try await ledger.rebuild().mendedCount == 0)
        let after = try await ledger.dump()
        for table in ["agreement", "partner"] { #expect(after[table] == before[table]) }
    }

    /// An agreement with a ticket of four messages.
    private func messages(_ ledger: LedgerFixture) async throws -> [Receipt] {
        let url = "https://lens.example/sharing"
        try await ledger.addPartner("lens", url)
        let token = try await ledger.agree("a", with: "lens", at: url, weSend: false)
        var receipts: [Receipt] = []
        for (method, body) in [
            ("POST", #"{"uuid":"t","subject":"First","status":"new"}"#), ("PUT", #"{"status":"open"}"#),
            ("PUT", #"{"comments":[{"uuid":"c1","body":"one"}]}"#), ("PUT", #"{"status":"solved"}"#),
        ] {
            receipts.append(try #require(try await ledger.send(method, "tickets/t", body, token: token).receipt))
        }
        return receipts
    }

    private func share(_ ledger: LedgerFixture, asOf moment: AsOf = .now) async throws -> ReconstructedShare? {
        let (agreement, ticket) = (agreement, ticket)
        return try await ledger.session { session in
            try Reconstructor.share(agreement: agreement, ticket: ticket, asOf: moment, in: &session)
        }
    }
}
