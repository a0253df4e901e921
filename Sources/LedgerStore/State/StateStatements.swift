import Cryptography
import Ledger
import Postgres

/// What decisions read of the database.
///
/// `OFFSET 0` in an EXISTS has it looked up row by row: planned while little is there, it would read the whole table into a
/// hash for every statement, also when there is a lot.
enum StateStatements {
    static let lock = Statement<Int64>("SELECT pg_advisory_xact_lock($1)")

    static let lockAt = Statement<Int64, Position, Timestamp, Int64>("SELECT ledger.lock_at($1, $2, $3, $4)")

    /// The ledger's end, and when the event at a position was recorded.
    static let head = Statement<Position>(
        """
        SELECT e.position, e.recorded_at, o.name, o.epoch, v.version,
            (SELECT s.recorded_at FROM ledger.event AS s WHERE s.position = $1)
        FROM ledger.epoch AS o
        CROSS JOIN projection.inline_version AS v
        LEFT JOIN LATERAL (
            SELECT position, recorded_at
            FROM ledger.event
            ORDER BY position DESC
            LIMIT 1
        ) AS e ON true
        ORDER BY o.epoch DESC
        LIMIT 1
        """
    )

    static let streams = Statement<[String]>(
        """
        SELECT s.name, s.stream_id, h.stream_seq, h.leaf_hash
        FROM unnest($1) AS wanted (name)
        JOIN ledger.stream AS s ON s.name = wanted.name
        CROSS JOIN LATERAL (
            SELECT e.stream_seq, e.leaf_hash
            FROM ledger.event AS e
            WHERE e.stream_id = s.stream_id
            ORDER BY e.stream_seq DESC
            LIMIT 1
        ) AS h
        """
    )

    static func agreements(_ identifiers: [String]) -> SQL {
        """
        SELECT \(unescaped: AgreementRow.columns),
            EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.message_position = a.last_position
                    AND q.state = 'parked'
                OFFSET 0
            ) OR EXISTS (
                SELECT
                FROM ledger.event AS given_up
                WHERE given_up.about = a.last_event_id
                    AND given_up.type IN ('delivery.skipped', 'delivery.abandoned')
                OFFSET 0
            )
        FROM projection.agreement AS a
        WHERE a.agreement = ANY (\(identifiers))
        """
    }

    /// `OFFSET 0` keeps the share's lookup apart from the join, so that both columns of its index are used: before a new
    /// ledger's first ANALYZE the planner would read all shares of the stream.
    static let shares = Statement<[String], [String]>(
        """
        SELECT wanted.stream, wanted.ticket, sh.share_id, h.share_seq, h.leaf_hash,
            t.shared, t.status, t.last_position, t.last_event_id, t.last_recorded_at, t.last_status, t.last_digest,
            EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.message_position = t.last_position
                    AND q.state = 'parked'
                OFFSET 0
            ) OR EXISTS (
                SELECT
                FROM ledger.event AS given_up
                WHERE given_up.about = t.last_event_id
                    AND given_up.type IN ('delivery.skipped', 'delivery.abandoned')
                OFFSET 0
            ),
            sh.share_id IS NULL AND EXISTS (
                SELECT
                FROM ledger.share AS other
                WHERE other.ticket = wanted.ticket
                OFFSET 0
            )
        FROM unnest($1, $2) AS wanted (stream, ticket)
        LEFT JOIN ledger.stream AS s ON s.name = wanted.stream
        LEFT JOIN LATERAL (
            SELECT sh.share_id
            FROM ledger.share AS sh
            WHERE sh.stream_id = s.stream_id
                AND sh.ticket = wanted.ticket
            OFFSET 0
        ) AS sh ON true
        LEFT JOIN LATERAL (
            SELECT e.share_seq, e.leaf_hash
            FROM ledger.event AS e
            WHERE e.share_id = sh.share_id
            ORDER BY e.share_seq DESC
            LIMIT 1
        ) AS h ON true
        LEFT JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
        """
    )

    /// Of shares with a message that the follower has not come to, those messages in order.
    static let unfollowed = Statement<[Position]>(
        """
        SELECT e.share_id, e.type, f.content, b.content
        FROM unnest($1) AS wanted (share_id)
        CROSS JOIN projection.follower AS w
        JOIN projection.ticket_head AS h ON h.share_id = wanted.share_id AND h.last_position >= w.next_position
        JOIN ledger.event AS e ON e.share_id = h.share_id AND e.position >= w.next_position
        LEFT JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
        LEFT JOIN ledger.payload AS b ON b.position = e.position AND b.part = 'body'
        WHERE w.name = 'ticket'
            AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
        ORDER BY e.position
        """
    )

    static let tickets = Statement<[Position]>(
        """
        SELECT t.share_id, convert_to(t.state::text, 'UTF8')
        FROM projection.ticket AS t
        WHERE t.share_id = ANY ($1)
        """
    )

    static let comments = Statement<[Position], [String]>(
        """
        SELECT c.share_id, c.comment
        FROM unnest($1, $2) AS wanted (share_id, comment)
        JOIN projection.comment AS c ON c.share_id = wanted.share_id AND c.comment = wanted.comment
        """
    )

    static let idempotency = Statement<[Digest]>(
        """
        SELECT key_digest, position, event_id, recorded_at, status, request_digest
        FROM ledger.idempotency_key
        WHERE key_digest = ANY ($1)
            AND recorded_at > now() - interval '7 days'
        """
    )

    static let pendingInvitations: SQL =
        """
        SELECT invited_from, count(*)
        FROM projection.agreement
        WHERE status = 'pending'
            AND our_role = 'receiver'
        GROUP BY invited_from
        """

    /// Locks what it reads, in order: heartbeats and claims change the same rows without the ledger's lock.
    static let deliveries = Statement<[Int64]>(
        """
        SELECT delivery_id, claim, exchange, attempts, tries
        FROM delivery.queue
        WHERE delivery_id = ANY ($1)
        ORDER BY delivery_id
        FOR UPDATE
        """
    )

    static let replays = Statement<[Position]>(
        """
        SELECT r.replay_id, r.item_count, r.delivered_count,
            CASE
                WHEN r.cancelled_at IS NOT NULL THEN 'cancelled'
                WHEN r.finished_at IS NOT NULL THEN 'finished'
                WHEN r.prepared_until IS NOT NULL THEN 'preparing'
                WHEN r.paused THEN 'paused'
                ELSE 'running'
            END,
            r.finished_at IS NULL AND (r.prepared_until IS NULL OR r.cancelled_at IS NOT NULL) AND NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.replay_id = r.replay_id
            )
        FROM delivery.replay AS r
        WHERE r.replay_id = ANY ($1)
        """
    )
}
