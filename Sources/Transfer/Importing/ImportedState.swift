import Ledger
import LedgerStore
import Postgres

/// What stands beside the events: made from them where they say it, and held against them where they do not.
enum ImportedState {
    // MARK: Made

    /// Makes what events say: the epochs, and that what was erased is gone.
    static func derive(in session: inout PostgresSession) throws {
        try session.execute(
            """
            INSERT INTO ledger.epoch (epoch, name, first_position, opened_at)
            SELECT e.epoch, regexp_replace(ledger.json(f.content) ->> 'origin', '/[0-9]+$', ''), e.position, e.recorded_at
            FROM ledger.event AS e
            JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
            WHERE e.type = 'epoch.opened'
            ORDER BY e.position
            """
        )
        // A part may have been exported before it was erased, and its erasure after that.
        _ = try session.query(
            """
            SELECT ledger.erase_part(d.erasure, d.position, d.part)
            FROM (
                SELECT min(e.position) AS erasure, p.position, p.part
                FROM ledger.event AS e
                JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
                CROSS JOIN LATERAL jsonb_to_recordset(ledger.json(f.content) -> 'erased') AS x (position bigint, part text)
                JOIN ledger.payload AS p ON p.position = x.position AND p.part = x.part
                WHERE e.type = 'payload.erased'
                    AND p.part <> 'facts'
                GROUP BY p.position, p.part
            ) AS d
            """
        )
        _ = try session.query(
            """
            SELECT setval(pg_get_serial_sequence('delivery.queue', 'delivery_id'), greatest(max(delivery_id), 1))
            FROM delivery.queue
            """
        )
    }

    // MARK: Held against events

    /// Throws where a row says something that its events do not.
    static func check(in session: inout PostgresSession) throws {
        for (statement, text) in checks {
            if let row = try session.query(statement).first {
                let position = try row[0, as: Position.self]
                throw TransferFault(.file, "event \(position): \(text)", position: position)
            }
        }
    }

    private static let checks: [(SQL, String)] = [
        (
            """
            SELECT e.position
            FROM ledger.epoch AS o
            CROSS JOIN LATERAL (
                SELECT coalesce(min(n.first_position), 9223372036854775807)
                FROM ledger.epoch AS n
                WHERE n.epoch > o.epoch
            ) AS next (position)
            JOIN ledger.event AS e ON e.position >= o.first_position AND e.position < next.position
            WHERE e.epoch <> o.epoch
            ORDER BY e.position
            LIMIT 1
            """,
            "it is of another epoch than the one that it stands in"
        ),
        (
            """
            SELECT n.id
            FROM (
                SELECT stream_id FROM ledger.stream
                UNION ALL
                SELECT share_id FROM ledger.share
                UNION ALL
                SELECT message_position FROM delivery.replay_outcome
                UNION ALL
                SELECT abs(partner_id) FROM delivery.destination
            ) AS n (id)
            WHERE NOT EXISTS (SELECT FROM ledger.event AS e WHERE e.position = n.id)
            LIMIT 1
            """,
            "there is no such event, and something is said of it"
        ),
        (
            """
            SELECT k.position
            FROM ledger.access_key AS k
            LEFT JOIN ledger.event AS e ON e.position = k.position
            LEFT JOIN ledger.payload AS f ON f.position = k.position AND f.part = 'facts'
            WHERE e.stream_id IS DISTINCT FROM k.stream_id
                OR ledger.json(f.content) ->> 'access_key_version' IS DISTINCT FROM k.version::text
            LIMIT 1
            """,
            "it did not bring the access key that is said to be its"
        ),
        (
            """
            SELECT i.position
            FROM ledger.idempotency_key AS i
            LEFT JOIN ledger.event AS e ON e.position = i.position
            WHERE e.event_id IS DISTINCT FROM i.event_id
            LIMIT 1
            """,
            "an Idempotency-Key names it that is not its"
        ),
        (
            """
            SELECT r.replay_id
            FROM delivery.replay AS r
            LEFT JOIN ledger.event AS e ON e.position = r.replay_id
            LEFT JOIN ledger.payload AS f ON f.position = r.replay_id AND f.part = 'facts'
            LEFT JOIN ledger.payload AS d ON d.position = r.replay_id AND d.part = 'detail'
            WHERE e.type IS DISTINCT FROM 'replay.requested'
                OR ledger.json(f.content) ->> 'mode' IS DISTINCT FROM r.mode
                OR coalesce(ledger.json(f.content) ->> 'destination', 'partner') <> r.destination
                OR ledger.json(d.content) ->> 'url' <> r.sandbox_url
            LIMIT 1
            """,
            "there is a replay that it did not ask for"
        ),
        (
            """
            SELECT q.message_position
            FROM delivery.queue AS q
            LEFT JOIN ledger.event AS e ON e.position = q.message_position
            LEFT JOIN projection.agreement AS a ON a.stream_id = q.stream_id
            LEFT JOIN delivery.replay AS r ON r.replay_id = q.replay_id AND r.destination = 'sandbox'
            WHERE e.event_id IS DISTINCT FROM q.message_id
                OR e.stream_id <> q.stream_id
                OR e.share_id IS DISTINCT FROM q.share_id
                OR e.type NOT IN (
                    'agreement.invited', 'agreement.updated', 'ticket.shared', 'ticket.updated', 'ticket.unshared'
                )
                OR q.partner_id IN (0, a.partner_id, -r.replay_id) IS NOT TRUE
            LIMIT 1
            """,
            "a delivery names it that is of another message, share or partner"
        ),
        (
            """
            SELECT q.message_position
            FROM delivery.queue AS q
            JOIN ledger.event AS d ON d.about = q.message_id
            JOIN ledger.payload AS f ON f.position = d.position AND f.part = 'facts'
            WHERE q.replay_id IS NULL
                AND q.kind = 'message'
                AND d.type IN ('attempt.succeeded', 'delivery.skipped', 'delivery.abandoned')
                AND NOT ledger.json(f.content) ? 'replay'
                AND ledger.json(f.content) ->> 'destination' = CASE q.partner_id WHEN 0 THEN 'desk' ELSE 'partner' END
            LIMIT 1
            """,
            "it is to be delivered, though its delivery has ended"
        ),
        (
            """
            SELECT l.message_position
            FROM (
                SELECT q.message_position, q.is_head,
                    row_number() OVER (
                        PARTITION BY q.partner_id, q.stream_id, q.share_id
                        ORDER BY q.queue_position, q.item
                    ) = 1 AS is_first
                FROM delivery.queue AS q
            ) AS l
            WHERE l.is_head <> l.is_first
            LIMIT 1
            """,
            "its delivery has not the place in its lane that it says"
        ),
    ]
}
