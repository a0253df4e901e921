import JSON
import Ledger
package import LedgerStore
import Postgres
import Sharing

/// What is left in the queue of replays that were cancelled: nobody claims it, and it has to make room.
package enum CancelledReplays {
    /// Rows of one transaction, so that the ledger's lock is not held for long.
    private static let pageCount: Int32 = 2_000

    /// Takes all of it out, but what is being tried at this moment; what is behind it goes on.
    ///
    /// Throws ``AppendError``, and what reading throws.
    package static func sweep(_ store: Store) async throws {
        while try await sweepPage(store) { try Task.checkCancellation() }
    }

    /// Takes some of it out; false where there was nothing.
    static func sweepPage(_ store: Store) async throws -> Bool {
        guard try await store.read({ session in try session.query(isAnyLeft).onlyRow()[0, as: Bool.self] }) else {
            return false
        }
        // Under the ledger's lock, as whoever enqueues looks at what is in a lane.
        _ = try await store.appender.append(
            StateKeys(),
            byteCount: 0,
            additional: { now in [page(pageCount, now)] },
            decide: { transaction in transaction.now },
        )
        return true
    }

    /// Cancels replays that nobody goes on enqueueing: whoever did is gone. Returns which.
    static func giveUpUnprepared(_ store: Store) async throws -> [Position] {
        let abandoned = try await store.read { session in try session.query(unprepared).decode((Position).self) }
        var given: [Position] = []
        for replay in abandoned {
            var keys = StateKeys()
            keys.replays = [replay]
            let time = try await store.appender.append(
                keys,
                byteCount: 1024,
                additional: { (given: Timestamp?) in given.map { [cancelled(replay, $0)] } ?? [] },
                decide: { transaction in giveUp(replay, &transaction) },
            )
            if time != nil { given.append(replay) }
        }
        return given
    }

    /// When it was recorded; `nil` where it is not being enqueued any more.
    private static func giveUp(_ id: Position, _ transaction: inout SharingTransaction) -> Timestamp? {
        guard var replay = transaction.replay(id), replay.state == .preparing else { return nil }
        replay.state = .cancelled
        transaction.put(replay)
        let facts = Facts.object { $0.member("replay", id.rawValue) }
        let detail = Facts.detail(["reason": "whoever enqueued it was gone before all of it was in the queue"])
        let parts = [transaction.part(.facts, facts), transaction.part(.detail, detail)]
        return transaction.append(EventDraft(.replayCancelled, stream: .system, parts: parts)).recorded
    }

    /// A time that lies too far ahead was written before the clock was set back.
    private static let unprepared: SQL = """
        SELECT replay_id
        FROM delivery.replay
        WHERE finished_at IS NULL
            AND cancelled_at IS NULL
            AND (prepared_until < clock_timestamp() OR prepared_until > clock_timestamp() + interval '1 hour')
        """

    private static let cancelled = Statement<Position, Timestamp>(
        "UPDATE delivery.replay SET paused = false, cancelled_at = $2 WHERE replay_id = $1"
    )

    private static let isAnyLeft: SQL = """
        SELECT EXISTS (
            SELECT
            FROM delivery.replay AS r
            JOIN delivery.queue AS q ON q.replay_id = r.replay_id
            WHERE r.cancelled_at IS NOT NULL
                AND r.finished_at IS NULL
                AND q.claim IS NULL
        )
        """

    /// With and without a share apart, so that both can use the lanes' index.
    private static let page = Statement<Int32, Timestamp>(
        """
        WITH gone AS (
            DELETE FROM delivery.queue
            WHERE delivery_id IN (
                SELECT q.delivery_id
                FROM delivery.replay AS r
                JOIN delivery.queue AS q ON q.replay_id = r.replay_id
                WHERE r.cancelled_at IS NOT NULL
                    AND r.finished_at IS NULL
                    AND q.claim IS NULL
                LIMIT $1
                FOR UPDATE OF q
            )
            RETURNING delivery_id, partner_id, stream_id, share_id, item, message_position, replay_id, attempts, is_head
        ),
        ended AS (
            INSERT INTO delivery.replay_outcome (replay_id, item, message_position, outcome, attempts, ended_at)
            SELECT replay_id, item, message_position, 'cancelled', attempts, $2
            FROM gone
            ON CONFLICT DO NOTHING
        )
        UPDATE delivery.queue AS q
        SET is_head = true,
            due_at = greatest(q.due_at, $2)
        FROM (
            SELECT DISTINCT partner_id, stream_id, share_id
            FROM gone
            WHERE is_head
        ) AS lane
        CROSS JOIN LATERAL (
            (
                SELECT n.delivery_id
                FROM delivery.queue AS n
                WHERE n.partner_id = lane.partner_id
                    AND n.stream_id = lane.stream_id
                    AND n.share_id = lane.share_id
                    AND NOT EXISTS (SELECT FROM gone WHERE gone.delivery_id = n.delivery_id)
                ORDER BY n.queue_position, n.item
                LIMIT 1
            )
            UNION ALL
            (
                SELECT n.delivery_id
                FROM delivery.queue AS n
                WHERE lane.share_id IS NULL
                    AND n.partner_id = lane.partner_id
                    AND n.stream_id = lane.stream_id
                    AND n.share_id IS NULL
                    AND NOT EXISTS (SELECT FROM gone WHERE gone.delivery_id = n.delivery_id)
                ORDER BY n.queue_position, n.item
                LIMIT 1
            )
        ) AS next
        WHERE q.delivery_id = next.delivery_id
        """
    )
}
