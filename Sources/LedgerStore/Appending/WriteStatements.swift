import Ledger
import Postgres
import Sharing

/// The statements by which a transaction is written.
enum WriteStatements {
    static let epoch = Statement<Int32, String, Position, Timestamp>(
        "INSERT INTO ledger.epoch (epoch, name, first_position, opened_at) VALUES ($1, $2, $3, $4)"
    )

    static let streams = Statement<[Position], [String]>(
        "INSERT INTO ledger.stream (stream_id, name) SELECT * FROM unnest($1, $2)"
    )

    static let shares = Statement<[Position], [Position], [String]>(
        "INSERT INTO ledger.share (share_id, stream_id, ticket) SELECT * FROM unnest($1, $2, $3)"
    )

    static let events = Statement<RowBatch>("INSERT INTO ledger.event SELECT * FROM unnest($1)")

    static let payloads = Statement<RowBatch>("INSERT INTO ledger.payload SELECT * FROM unnest($1)")

    static let accessKeys = Statement<RowBatch>("INSERT INTO ledger.access_key SELECT * FROM unnest($1)")

    /// A key that was left over from more than seven days ago makes room.
    static let idempotencyKeys = Statement<RowBatch>(
        """
        INSERT INTO ledger.idempotency_key SELECT * FROM unnest($1)
        ON CONFLICT (key_digest) DO UPDATE SET
            request_digest = excluded.request_digest,
            position = excluded.position,
            event_id = excluded.event_id,
            status = excluded.status,
            recorded_at = excluded.recorded_at
        """
    )

    static let partners = Statement<RowBatch>(
        """
        INSERT INTO projection.partner SELECT * FROM unnest($1)
        ON CONFLICT (partner_id) DO UPDATE SET
            name = excluded.name,
            base_url = excluded.base_url,
            url_identity = excluded.url_identity,
            dialect = excluded.dialect,
            state = excluded.state,
            paused = excluded.paused,
            allow_private_address = excluded.allow_private_address,
            allow_http = excluded.allow_http,
            concurrency = excluded.concurrency,
            rate = excluded.rate
        """
    )

    static let agreements = Statement<RowBatch>(
        """
        INSERT INTO projection.agreement SELECT * FROM unnest($1)
        ON CONFLICT (stream_id) DO UPDATE SET
            partner_id = excluded.partner_id,
            our_role = excluded.our_role,
            invited_from = excluded.invited_from,
            first_position = excluded.first_position,
            last_position = excluded.last_position,
            last_recorded_at = excluded.last_recorded_at,
            last_event_id = excluded.last_event_id,
            last_status = excluded.last_status,
            last_digest = excluded.last_digest,
            status = excluded.status,
            deactivated_by = excluded.deactivated_by,
            name = excluded.name,
            sender_url = excluded.sender_url,
            receiver_url = excluded.receiver_url,
            sync_tags = excluded.sync_tags,
            sync_custom_fields = excluded.sync_custom_fields,
            allows_public_comments = excluded.allows_public_comments,
            key_version = excluded.key_version,
            key_fingerprint = excluded.key_fingerprint,
            acknowledged_key_version = excluded.acknowledged_key_version,
            acknowledged_key_fingerprint = excluded.acknowledged_key_fingerprint
        """
    )

    static let tickets = Statement<RowBatch>(
        """
        INSERT INTO projection.ticket_head SELECT * FROM unnest($1)
        ON CONFLICT (share_id) DO UPDATE SET
            last_position = excluded.last_position,
            last_recorded_at = excluded.last_recorded_at,
            last_event_id = excluded.last_event_id,
            last_status = excluded.last_status,
            last_digest = excluded.last_digest,
            shared = excluded.shared,
            status = excluded.status
        """
    )

    /// A row is the head of its lane if the lane was empty and no row before it in this statement is of that lane.
    ///
    /// It is due by the clock, not by its event's time: that is ahead of a clock that was set back. The two conditions on
    /// `share_id` are apart so that each can use the lanes' index, however much is waiting.
    /// As to `OFFSET 0` see ``StateStatements``.
    static let deliveries = Statement<[Int64], [Position], [Position?], [Position], [EventID], [Timestamp], Timestamp>(
        """
        INSERT INTO delivery.queue (
            partner_id, stream_id, share_id, queue_position, message_position, message_id, enqueued_at, due_at,
            is_head, is_barrier, kind)
        SELECT d.partner_id, d.stream_id, d.share_id, d.position, d.position, d.event_id, d.recorded_at, $7,
            NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.partner_id = d.partner_id
                    AND q.stream_id = d.stream_id
                    AND q.share_id = d.share_id
                OFFSET 0
            )
            AND NOT (
                d.share_id IS NULL
                AND EXISTS (
                    SELECT
                    FROM delivery.queue AS q
                    WHERE q.partner_id = d.partner_id
                        AND q.stream_id = d.stream_id
                        AND q.share_id IS NULL
                    OFFSET 0
                )
            )
            AND row_number() OVER (PARTITION BY d.partner_id, d.stream_id, d.share_id ORDER BY d.position) = 1,
            d.share_id IS NULL,
            'message'
        FROM unnest($1, $2, $3, $4, $5, $6)
            AS d (partner_id, stream_id, share_id, position, event_id, recorded_at)
        """
    )

    /// Enqueues for the desk what was said under invitations before they were accepted; nothing of a declined one before.
    static let deskCatchUp = Statement<Int64, [Position], [Position], Timestamp>(
        """
        INSERT INTO delivery.queue (
            partner_id, stream_id, share_id, queue_position, message_position, message_id, enqueued_at, due_at,
            is_head, is_barrier, kind)
        SELECT $1, e.stream_id, NULL, e.position, e.position, e.event_id, $4, $4,
            row_number() OVER (PARTITION BY e.stream_id ORDER BY e.position) = 1,
            true,
            'message'
        FROM unnest($2, $3) AS accepted (stream_id, acceptance)
        JOIN projection.agreement AS a ON a.stream_id = accepted.stream_id
        JOIN ledger.event AS e
            ON e.stream_id = accepted.stream_id
            AND e.position >= a.first_position
            AND e.position < accepted.acceptance
        WHERE e.direction = 'in'
            AND e.type IN ('agreement.invited', 'agreement.updated')
        """
    )

    /// Has deliveries that stand still taken up, so that they are given up: see `is_superseded` of `delivery.claim`.
    static let endParking = Statement<[Position], [Position], Timestamp>(
        """
        UPDATE delivery.queue AS q
        SET state = 'waiting',
            reason = NULL,
            due_at = $3
        FROM unnest($1, $2) AS s (stream_id, invitation)
        WHERE q.stream_id = s.stream_id
            AND q.message_position < s.invitation
            AND q.state = 'parked'
        """
    )

    /// Has the heads that wait for a later time go at once.
    static let due = Statement<[Int64], Timestamp>(
        """
        UPDATE delivery.queue
        SET due_at = $2
        WHERE partner_id = ANY ($1)
            AND is_head
            AND state = 'waiting'
            AND claim IS NULL
            AND due_at > $2
        """
    )

    /// Has the next canary of destinations that are out go at once.
    static let hurry = Statement<[Int64], Timestamp>(
        """
        UPDATE delivery.destination
        SET canary_at = least(canary_at, $2)
        WHERE partner_id = ANY ($1)
            AND state = 'out'
        """
    )
}
