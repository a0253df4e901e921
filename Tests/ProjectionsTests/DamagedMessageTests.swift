import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Bytes that somebody has changed behind the ledger's back are not folded, and are named.
@Suite(.ledger)
struct DamagedMessageTests {
    private let agreement = AgreementID("a")!
    private let ticket = TicketID("t")!

    @Test func `a message that was altered is left out of the ticket, and named with its part`() async throws {
        let ledger = try await LedgerFixture()
        let (first, second) = try await messages(ledger)
        try await ledger.follow()
        #expect(try await ledger.verify().differences.first == [])
        try await ledger.alterPart(.body, of: second, "open", "shut")
        let fault = PartFault(PartPlace(second, .body), .altered)
        let share = try #require(try await share(ledger))
        #expect(share.faults.map(\.damage) == [fault])
        #expect(
            "\(share.faults[0])" == "event \(second) cannot be folded: its part body is not what its leaf commits to"
        )
        #expect(share.ticket.status == "new" && share.ticket.subject == "First")
        let then = try #require(try await self.share(ledger, asOf: .position(first)))
        #expect(then.faults.isEmpty && then.ticket.status == "new")

        let report = try await ledger.verify()
        #expect(report.differences.unfoldableCount == 1)
        let named = report.differences.first.filter { "\($0)".contains("event \(second) cannot be folded") }
        #expect(named.map { "\($0)".contains("its part body is not what its leaf commits to") } == [true])
        let rebuilt = try await ledger.rebuild()
        #expect(rebuilt.faults.map(\.damage) == [fault])
        let unfolded = try await ledger.database.execute("SELECT position FROM projection.unfolded")
        #expect(unfolded == "\(second)\n")
    }

    @Test func `facts that were altered are not folded, well formed or not`() async throws {
        let ledger = try await LedgerFixture()
        let (_, second) = try await messages(ledger)
        try await ledger.alterPart(.facts, of: second, "\"c2\"", "\"c3\"")
        let share = try #require(try await share(ledger))
        #expect(share.faults.map(\.damage) == [PartFault(PartPlace(second, .facts), .altered)])
    }

    @Test func `a body that is gone is a fault, unless an erasure names it`() async throws {
        let ledger = try await LedgerFixture()
        let (_, second) = try await messages(ledger)
        try await ledger.removePart(.body, of: second)
        try await ledger.follow()
        let share = try #require(try await share(ledger))
        #expect(share.faults.map(\.damage) == [PartFault(PartPlace(second, .body), .missing)])
        #expect(share.state.erasedMembers.isEmpty)
        let unfolded = try await ledger.database.execute("SELECT position, reason FROM projection.unfolded")
        #expect(unfolded == "\(second)|its part body is missing, and no payload.erased event names it\n")
        #expect(try await ledger.verify().differences.unfoldableCount == 1)
    }

    @Test func `a rebuild leaves a row alone that damaged events made, as it may be right`() async throws {
        let ledger = try await LedgerFixture()
        _ = try await messages(ledger)
        try await ledger.follow()
        let before = try await ledger.dump()
        let accepted = try await ledger.database.execute(
            "SELECT max(position) FROM ledger.event WHERE type = 'agreement.updated'"
        )
        let position = Position(rawValue: try #require(Int64(accepted.dropLast())))
        let partner = try await ledger.database.execute("SELECT partner_id FROM projection.partner")
        try await ledger.alterPart(.body, of: position, "accepted", "declined")
        try await ledger.alterPart(
            .detail,
            of: Position(rawValue: try #require(Int64(partner.dropLast()))),
            "lens.example",
            "evil.example"
        )
        let report = try await ledger.rebuild()
        #expect(report.differences.unfoldableCount == 2 && report.mendedCount == 0)
        let after = try await ledger.dump()
        for table in ["agreement", "partner"] { #expect(after[table] == before[table]) }
    }

    /// An agreement with a ticket that was shared and then opened, with a comment each.
    private func messages(_ ledger: LedgerFixture) async throws -> (first: Position, second: Position) {
        let url = "https://lens.example/sharing"
        try await ledger.addPartner("lens", url)
        let token = try await ledger.agree("a", with: "lens", at: url, weSend: false)
        let first = try await ledger.send(
            "POST",
            "tickets/t",
            #"{"uuid":"t","subject":"First","status":"new","comments":[{"uuid":"c1","body":"one"}]}"#,
            token: token,
        )
        let second = try await ledger.send(
            "PUT",
            "tickets/t",
            #"{"status":"open","comments":[{"uuid":"c2","body":"two"}]}"#,
            token: token,
        )
        return (try #require(first.receipt).position, try #require(second.receipt).position)
    }

    private func share(_ ledger: LedgerFixture, asOf moment: AsOf = .now) async throws -> ReconstructedShare? {
        let (agreement, ticket) = (agreement, ticket)
        return try await ledger.session { session in
            try Reconstructor.share(agreement: agreement, ticket: ticket, asOf: moment, in: &session)
        }
    }
}
