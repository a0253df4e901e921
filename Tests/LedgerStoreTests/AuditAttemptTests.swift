import Cryptography
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct AuditAttemptTests {
    private let database = TestDatabase.current

    @Test func `each attempt is a row with its own end, and one that is under way or unknown says so`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.ownInvitation("o1", to: "partner"))
            _ = try await store.answer(.partnerSets("accepted", of: "o1"))
            let token = "o1:\(TestRequest.key)"
            _ = try await store.answer(.outbound("POST", "/tickets/t1", to: "partner", token: token, #"{"uuid":"t1"}"#))
            let exchanges = (0..<4).map { _ in EventID(at: .now(), randomness: .system) }
            // Begun and not ended: the end of another attempt is not its own.
            try await store.attempt(.attemptBegun, 1, of: 4, status: nil, error: nil, replay: 5, exchange: exchanges[3])
            try await store.attempt(.attemptBegun, 1, of: 4, status: nil, error: nil, exchange: exchanges[0])
            try await store.attempt(
                .attemptFailed,
                1,
                of: 4,
                status: 503,
                error: "the answer was 503",
                class: "retry",
                exchange: exchanges[0]
            )
            try await store.attempt(.attemptBegun, 2, of: 4, status: nil, error: nil, exchange: exchanges[1])
            try await store.attempt(.attemptUnknown, 2, of: 4, status: nil, error: "no answer", exchange: exchanges[1])
            try await store.attempt(.attemptBegun, 3, of: 4, status: nil, error: nil, exchange: exchanges[2])
            try await store.attempt(
                .attemptSucceeded,
                3,
                of: 4,
                status: 201,
                error: nil,
                class: "delivered",
                exchange: exchanges[2]
            )
        }
        let rows = try await database.execute(
            """
            SELECT message_position, message_type, agreement, ticket, partner, destination, attempt, outcome, status, class,
                reason, address, replay, ended_at > begun_at, end_position - position
            FROM audit.attempt
            ORDER BY position
            """,
            as: .auditor
        )
        let head = "4|ticket.shared|o1|t1|partner|partner"
        #expect(
            rows.split(separator: "\n") == [
                "\(head)|1|under way||||192.0.2.80:443|5||",
                "\(head)|1|failed|503|retry|the answer was 503|192.0.2.80:443||t|1",
                "\(head)|2|unknown|||no answer|192.0.2.80:443||t|1",
                "\(head)|3|succeeded|201|delivered||192.0.2.80:443||t|1",
            ]
        )
    }
}
