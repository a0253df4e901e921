import JSON
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger) struct AuditOperationTests {
    private let database = TestDatabase.current

    @Test func `what operators did is told with who and why, and what others did is left out`() async throws {
        let url = TestRequest.partnerURL
        try await database.withStore { store in
            _ = try await store.answer(.invitation("a1"))
            try await store.order { transaction throws(OperatorFault) in
                _ = try transaction.acceptPartner(
                    PartnerSettings(name: "partner", url: try .known(url)),
                    operator: "ann"
                )
            }
            _ = try await store.answer(.deskSets("accepted", of: "a1", with: "partner"))
            _ = try await store.answer(.share("t1", under: "a1"))
            try await store.order { transaction throws(OperatorFault) in
                var change = PartnerChange()
                change.name = "lenswerk"
                _ = try transaction.change(change, partner: "partner", operator: "bob")
            }
            for isPaused in [true, false] {
                try await store.order { transaction throws(OperatorFault) in
                    _ = try transaction.setPaused(isPaused, partner: "lenswerk", operator: "ann")
                }
            }
            try await store.attempt(
                .deliverySkipped,
                1,
                of: 5,
                status: nil,
                error: nil,
                reason: "by hand",
                operator: "ann"
            )
            try await store.attempt(
                .deliveryResumed,
                1,
                of: 5,
                status: nil,
                error: nil,
                reason: "mended",
                operator: "bob"
            )
            try await store.attempt(.deliveryParked, 1, of: 5, status: nil, error: nil, reason: "the answer was 404")
        }
        let rows = try await database.execute(
            """
            SELECT operation, operator, reason, partner, agreement, ticket, about_position
            FROM audit.operation
            ORDER BY position
            """,
            as: .auditor
        )
        #expect(
            rows.split(separator: "\n") == [
                "epoch.opened|tests|||||",
                "partner accept|ann||lenswerk|||",
                "partner set|bob||lenswerk|||",
                "partner pause|ann||lenswerk|||",
                "partner resume|ann||lenswerk|||",
                "delivery skip|ann|by hand|lenswerk|a1|t1|5",
                "delivery retry|bob|mended|lenswerk|a1|t1|5",
            ]
        )
    }
}

extension BaseURL {
    fileprivate static func known(_ text: String) throws(OperatorFault) -> BaseURL {
        do throws(BaseURLFault) { return try BaseURL(text) } catch { throw OperatorFault(error.rawValue) }
    }
}

extension Store {
    /// Carries an operator's act out.
    fileprivate func order(
        _ act: @escaping @Sendable (inout SharingTransaction) throws(OperatorFault) -> Void
    ) async throws {
        let done = try await appender.append(StateKeys(), byteCount: 1024) { transaction in
            Result { () throws(OperatorFault) in try act(&transaction) }
        }
        try done.get()
    }
}
