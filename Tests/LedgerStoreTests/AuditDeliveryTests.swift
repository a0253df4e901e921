import JSON
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct AuditDeliveryTests {
    private let database = TestDatabase.current

    private static let columns = """
        SELECT message_position, message_type, agreement, ticket, partner, destination, state, finished_at IS NOT NULL,
            attempts, last_attempt, last_status, error, address, kind
        FROM audit.delivery
        ORDER BY message_position, state
        """

    @Test func `what waits, is claimed, is parked or behind another is told apart`() async throws {
        try await prepare()
        #expect(
            try await rows() == [
                "2|agreement.invited|o1||partner|partner|waiting|f|0|||||message",
                "3|agreement.updated|o1||partner|desk|waiting|f|0|||||message",
                "4|ticket.shared|o1|t1|partner|partner|waiting|f|0|||||message",
                "5|ticket.updated|o1|t1|partner|partner|behind another|f|0|||||message",
            ]
        )
        try await database.execute(
            """
            UPDATE delivery.queue SET claim = gen_random_uuid(), claimed_until = now() WHERE message_position = 2;
            UPDATE delivery.queue SET state = 'parked', reason = 'the answer was 404', attempts = 2 WHERE message_position = 4;
            """
        )
        #expect(
            try await rows() == [
                "2|agreement.invited|o1||partner|partner|claimed|f|0|||||message",
                "3|agreement.updated|o1||partner|desk|waiting|f|0|||||message",
                "4|ticket.shared|o1|t1|partner|partner|parked|f|2|||the answer was 404||message",
                "5|ticket.updated|o1|t1|partner|partner|behind another|f|0|||||message",
            ]
        )
        let due = try await database.execute(
            "SELECT message_position FROM audit.delivery WHERE due_at IS NOT NULL ORDER BY 1"
        )
        #expect(due == "3\n5\n")
    }

    @Test func `the last attempt is shown with what was wrong, and a success stays when its row is gone`() async throws
    {
        try await prepare()
        try await database.withStore { store in
            try await store.attempt(.attemptFailed, 1, of: 4, status: 503, error: "the answer was 503")
            try await store.attempt(.attemptUnknown, 2, of: 4, status: nil, error: "no answer in time")
            try await store.attempt(
                .attemptFailed,
                1,
                of: 3,
                status: 500,
                error: "the answer was 500",
                destination: "desk"
            )
            try await store.attempt(.attemptSucceeded, 2, of: 3, status: 200, error: nil, destination: "desk")
        }
        try await database.execute(
            """
            UPDATE delivery.queue SET attempts = 2 WHERE message_position = 4;
            DELETE FROM delivery.queue WHERE message_position IN (2, 3);
            """
        )
        #expect(
            try await rows() == [
                "3|agreement.updated|o1||partner|desk|delivered|t|2|attempt.succeeded|200||192.0.2.80:443|message",
                "4|ticket.shared|o1|t1|partner|partner|waiting|f|2|attempt.unknown||no answer in time|192.0.2.80:443|message",
                "5|ticket.updated|o1|t1|partner|partner|behind another|f|0|||||message",
            ]
        )
    }

    @Test func `what an operator has skipped or given up is shown with the reason`() async throws {
        try await prepare()
        try await database.withStore { store in
            try await store.attempt(.attemptFailed, 1, of: 4, status: 422, error: "the answer was 422")
            try await store.attempt(
                .deliverySkipped,
                1,
                of: 4,
                status: nil,
                error: nil,
                reason: "told them by telephone"
            )
            try await store.attempt(.deliveryAbandoned, nil, of: 5, status: nil, error: nil, reason: "replay cancelled")
        }
        try await database.execute("DELETE FROM delivery.queue")
        #expect(
            try await rows() == [
                "4|ticket.shared|o1|t1|partner|partner|skipped|t|1|attempt.failed|422|told them by telephone|192.0.2.80:443|message",
                "5|ticket.updated|o1|t1|partner|partner|abandoned|t||||replay cancelled||message",
            ]
        )
    }

    @Test func `what a replay sent again has a row of its own`() async throws {
        try await prepare()
        try await database.withStore { store in
            try await store.attempt(.attemptSucceeded, 1, of: 4, status: 201, error: nil)
            try await store.attempt(.attemptSucceeded, 2, of: 4, status: 200, error: nil, replay: 5)
        }
        try await database.execute(
            """
            DELETE FROM delivery.queue;
            INSERT INTO delivery.replay (replay_id, mode, reason, operator, requested_at, item_count)
            VALUES (5, 'state', 'a dispute', 'ops', now(), 1);
            """
        )
        let shown = try await database.execute(
            "SELECT message_position, attempts, replay, kind FROM audit.delivery ORDER BY attempts",
            as: .auditor
        )
        #expect(shown == "4|1||message\n4|2|5|state\n")
    }

    // MARK: Steps

    private func prepare() async throws {
        try await database.withStore(deskURL: "https://help.example/sharing") { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.ownInvitation("o1", to: "partner"))
            _ = try await store.answer(.partnerSets("accepted", of: "o1"))
            let token = "o1:\(TestRequest.key)"
            _ = try await store.answer(.outbound("POST", "/tickets/t1", to: "partner", token: token, #"{"uuid":"t1"}"#))
            _ = try await store.answer(.outbound("PUT", "/tickets/t1", to: "partner", token: token, #"{"status":"x"}"#))
        }
    }

    private func rows() async throws -> [Substring] {
        try await database.execute(Self.columns, as: .auditor).split(separator: "\n")
    }
}
