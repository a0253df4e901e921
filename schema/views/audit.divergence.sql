-- Where the two sides' last words differ: a row for each member of a ticket whose value is not the same at both ends, as far as
-- it is known here.
--
-- Ours is the newest value that was taken over at our side. The partner's is what came to it last: what it said itself, or what
-- it has answered with success, in the order in which that happened.
DROP VIEW IF EXISTS audit.divergence;
CREATE VIEW audit.divergence AS
SELECT
    v.agreement,
    v.ticket,
    v.partner,
    v.member,
    v.ours,
    v.our_position,
    v.our_at,
    v.theirs,
    v.their_position,
    v.their_at,
    CASE
        WHEN v.their_position IS NULL THEN 'never acknowledged'
        WHEN NOT v.their_taken THEN 'not allowed'
        WHEN v.our_direction = 'out' THEN 'not acknowledged'
        ELSE 'crossed'
    END AS why
FROM (
    SELECT
        r.agreement,
        r.ticket,
        r.partner,
        r.member,
        (array_agg(r.value ORDER BY r.position DESC) FILTER (WHERE r.taken AND r.is_message))[1] AS ours,
        max(r.position) FILTER (WHERE r.taken AND r.is_message) AS our_position,
        max(r.recorded_at) FILTER (WHERE r.taken AND r.is_message) AS our_at,
        (array_agg(r.direction ORDER BY r.position DESC) FILTER (WHERE r.taken AND r.is_message))[1] AS our_direction,
        (array_agg(r.value ORDER BY r.came_at DESC, r.position DESC) FILTER (WHERE r.came_at IS NOT NULL))[1] AS theirs,
        (array_agg(r.position ORDER BY r.came_at DESC, r.position DESC) FILTER (WHERE r.came_at IS NOT NULL))[1]
            AS their_position,
        (array_agg(r.taken ORDER BY r.came_at DESC, r.position DESC) FILTER (WHERE r.came_at IS NOT NULL))[1]
            AS their_taken,
        max(r.came_at) AS their_at
    FROM (
        SELECT
            s.agreement,
            sh.ticket,
            p.name AS partner,
            n.member,
            d.body -> n.member AS value,
            e.position,
            e.recorded_at,
            e.direction,
            CASE e.direction WHEN 'in' THEN e.recorded_at ELSE k.recorded_at END AS came_at,
            CASE
                WHEN n.member = 'tags' THEN coalesce((d.facts -> 'permissions' -> 'sync_tags') <> 'false', true)
                WHEN n.member = 'custom_fields'
                    THEN coalesce((d.facts -> 'permissions' -> 'sync_custom_fields') <> 'false', true)
                WHEN n.member IN ('status', 'custom_status') AND d.facts ->> 'by' = 'receiver'
                    THEN coalesce((d.facts -> 'permissions' -> 'allows_public_comments') <> 'false', true)
                ELSE true
            END AS taken,
            true AS is_message
        FROM ledger.event AS e
        JOIN ledger.stream AS s ON s.stream_id = e.stream_id
        JOIN ledger.share AS sh ON sh.share_id = e.share_id
        LEFT JOIN projection.agreement AS g ON g.stream_id = e.stream_id
        LEFT JOIN projection.partner AS p ON p.partner_id = g.partner_id
        LEFT JOIN LATERAL (
            SELECT max(o.recorded_at) AS recorded_at
            FROM ledger.event AS o
            WHERE o.about = e.event_id
                AND o.type = 'attempt.succeeded'
                AND o.direction = 'out'
                AND o.status BETWEEN 200 AND 299
                -- What was sent was the message, and not the ticket's state under its name.
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS b
                    WHERE b.about = e.event_id
                        AND b.exchange = o.exchange
                        AND b.type = 'attempt.begun'
                        AND 'sent-body' = ANY (b.part_names)
                )
        ) AS k ON e.direction = 'out'
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = e.position
                        AND f.part = 'facts'
                ) AS facts,
                (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = e.position
                        AND f.part = 'body'
                        AND f.castable
                ) AS body
            OFFSET 0
        ) AS d
        CROSS JOIN LATERAL jsonb_array_elements_text(
            CASE jsonb_typeof(d.facts -> 'set') WHEN 'array' THEN d.facts -> 'set' END
        ) AS n (member)
        WHERE e.type IN ('ticket.shared', 'ticket.updated')
            AND n.member NOT IN ('uuid', 'comments', 'current_actor')
            AND d.body IS NOT NULL
        UNION ALL
        -- The states of the ticket that replays brought to the partner.
        SELECT
            s.agreement,
            sh.ticket,
            p.name,
            n.member,
            d.body -> n.member,
            b.position,
            b.recorded_at,
            'out',
            k.recorded_at,
            true,
            false
        FROM ledger.event AS b
        JOIN ledger.stream AS s ON s.stream_id = b.stream_id
        JOIN ledger.share AS sh ON sh.share_id = b.share_id
        LEFT JOIN projection.agreement AS g ON g.stream_id = b.stream_id
        LEFT JOIN projection.partner AS p ON p.partner_id = g.partner_id
        JOIN ledger.event AS k
            ON k.about = b.about
            AND k.exchange = b.exchange
            AND k.type = 'attempt.succeeded'
            AND k.direction = 'out'
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = b.position
                        AND f.part = 'sent-body'
                ) AS body
            OFFSET 0
        ) AS d
        CROSS JOIN LATERAL jsonb_object_keys(
            CASE jsonb_typeof(d.body) WHEN 'object' THEN d.body END
        ) AS n (member)
        WHERE b.type = 'attempt.begun'
            AND 'sent-body' = ANY (b.part_names)
            AND n.member NOT IN ('uuid', 'comments', 'current_actor')
    ) AS r
    GROUP BY r.agreement, r.ticket, r.partner, r.member
) AS v
WHERE v.ours IS DISTINCT FROM v.theirs;

COMMENT ON VIEW audit.divergence IS 'Where the two sides'' last words about a ticket differ, as far as it is known here: one row for each member';
COMMENT ON COLUMN audit.divergence.agreement IS 'Uuid of the agreement that it is shared under';
COMMENT ON COLUMN audit.divergence.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.divergence.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.divergence.member IS 'Member of the ticket: subject, status, tags, …';
COMMENT ON COLUMN audit.divergence.ours IS 'Value at our side, as JSON';
COMMENT ON COLUMN audit.divergence.our_position IS 'Position of the message that it is from';
COMMENT ON COLUMN audit.divergence.our_at IS 'When that message was recorded';
COMMENT ON COLUMN audit.divergence.theirs IS 'Value that came to the partner last; NULL where none is known to have';
COMMENT ON COLUMN audit.divergence.their_position IS 'Position of the message, or of the attempt of a replay, that it is from';
COMMENT ON COLUMN audit.divergence.their_at IS 'When it came to the partner: it was sent by it, or its answer was recorded';
COMMENT ON COLUMN audit.divergence.why IS 'not acknowledged: our newer value has not come to the partner; never acknowledged: none has; not allowed: the partner''s value was not taken over; crossed: ours came to the partner after it had said something newer';
