-- What is shared with whom. All of it is read from the ledger's facts, which are never erased; nothing lags behind.
DROP VIEW IF EXISTS audit.shared_with;
CREATE VIEW audit.shared_with AS
SELECT
    s.agreement,
    sh.ticket,
    p.name AS partner,
    p.base_url AS partner_url,
    a.our_role,
    a.status AS agreement_status,
    coalesce(t.shared, false) AS shared_now,
    m.first_at,
    m.last_at,
    m.first_position,
    m.last_position,
    m.first_type,
    m.last_type,
    m.unshared_at,
    coalesce(m.messages_in, 0) AS messages_in,
    coalesce(m.messages_out, 0) AS messages_out,
    c.public_in AS public_comments_in,
    c.private_in AS private_comments_in,
    c.public_out AS public_comments_out,
    c.private_out AS private_comments_out,
    c.public_held AS public_comments_acknowledged,
    c.private_held AS private_comments_acknowledged,
    coalesce(m.acknowledged, 0) AS messages_acknowledged,
    m.acknowledged_at,
    coalesce(m.beyond, 0) AS disclosed_beyond
FROM ledger.share AS sh
JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
JOIN projection.agreement AS a ON a.stream_id = sh.stream_id
JOIN projection.partner AS p ON p.partner_id = a.partner_id
LEFT JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
LEFT JOIN LATERAL (
    SELECT
        min(e.recorded_at) AS first_at,
        max(e.recorded_at) AS last_at,
        min(e.position) AS first_position,
        max(e.position) AS last_position,
        (array_agg(e.type ORDER BY e.position))[1] AS first_type,
        (array_agg(e.type ORDER BY e.position DESC))[1] AS last_type,
        max(e.recorded_at) FILTER (WHERE e.type = 'ticket.unshared') AS unshared_at,
        count(*) FILTER (WHERE e.direction = 'in') AS messages_in,
        count(*) FILTER (WHERE e.direction = 'out') AS messages_out,
        count(*) FILTER (WHERE e.direction = 'out' AND k.recorded_at IS NOT NULL) AS acknowledged,
        max(k.recorded_at) FILTER (WHERE e.direction = 'out') AS acknowledged_at,
        count(*) FILTER (WHERE ledger.json(f.content) ? 'disclosed_beyond') AS beyond
    FROM ledger.event AS e
    JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
    LEFT JOIN LATERAL (
        SELECT min(o.recorded_at) AS recorded_at
        FROM ledger.event AS o
        WHERE o.about = e.event_id
            AND o.type = 'attempt.succeeded'
            AND o.direction = 'out'
    ) AS k ON true
    WHERE e.share_id = sh.share_id
        AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
) AS m ON true
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE k.direction = 'in' AND k.public) AS public_in,
        count(*) FILTER (WHERE k.direction = 'in' AND NOT k.public) AS private_in,
        count(*) FILTER (WHERE k.direction = 'out' AND k.public) AS public_out,
        count(*) FILTER (WHERE k.direction = 'out' AND NOT k.public) AS private_out,
        count(*) FILTER (WHERE k.direction = 'out' AND k.public AND k.held) AS public_held,
        count(*) FILTER (WHERE k.direction = 'out' AND NOT k.public AND k.held) AS private_held
    FROM (
        -- A comment counts once, as it came first; what comes again under a known uuid is ignored. The partner holds what
        -- it has sent itself, and what one of our messages brought that it has answered with success.
        SELECT DISTINCT ON (n.comment ->> 'uuid')
            e.direction,
            bool_or(e.direction = 'in' OR y.position IS NOT NULL) OVER (PARTITION BY n.comment ->> 'uuid') AS held,
            (n.comment -> 'public')::boolean
                AND NOT coalesce(
                    g.facts -> 'not_taken'
                        @> jsonb_build_array(jsonb_build_object('member', 'comments.public', 'comment', n.comment -> 'uuid')),
                    false) AS public
        FROM ledger.event AS e
        JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
        CROSS JOIN LATERAL (SELECT ledger.json(f.content) AS facts OFFSET 0) AS g
        CROSS JOIN LATERAL jsonb_array_elements(g.facts -> 'comments') WITH ORDINALITY AS n (comment, place)
        LEFT JOIN LATERAL (
            SELECT min(o.position) AS position
            FROM ledger.event AS o
            WHERE o.about = e.event_id
                AND o.type = 'attempt.succeeded'
                AND o.direction = 'out'
        ) AS y ON true
        WHERE e.share_id = sh.share_id
            AND e.type IN ('ticket.shared', 'ticket.updated')
        ORDER BY n.comment ->> 'uuid', e.position, n.place
    ) AS k
) AS c ON true;

COMMENT ON VIEW audit.shared_with IS 'Which ticket was shared with whom, under which agreement, when, and how much of it: one row a share';
COMMENT ON COLUMN audit.shared_with.agreement IS 'Uuid of the agreement that it is shared under';
COMMENT ON COLUMN audit.shared_with.ticket IS 'Uuid of the ticket; one row for each agreement that it is shared under';
COMMENT ON COLUMN audit.shared_with.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.shared_with.partner_url IS 'Base URL of the partner, as it is now';
COMMENT ON COLUMN audit.shared_with.our_role IS 'sender: we share tickets with the partner; receiver: the partner shares them with us';
COMMENT ON COLUMN audit.shared_with.agreement_status IS 'Status of the agreement now: only under an accepted one anything goes over';
COMMENT ON COLUMN audit.shared_with.shared_now IS 'False once it was unshared; the other side keeps what it has';
COMMENT ON COLUMN audit.shared_with.first_at IS 'When it was shared first';
COMMENT ON COLUMN audit.shared_with.last_at IS 'When the last accepted message about it was recorded';
COMMENT ON COLUMN audit.shared_with.first_position IS 'Position of the first accepted message; see audit.message';
COMMENT ON COLUMN audit.shared_with.last_position IS 'Position of the last accepted message';
COMMENT ON COLUMN audit.shared_with.first_type IS 'Kind of the first accepted message';
COMMENT ON COLUMN audit.shared_with.last_type IS 'Kind of the last accepted message: ticket.shared, ticket.updated or ticket.unshared';
COMMENT ON COLUMN audit.shared_with.unshared_at IS 'When it was unshared last; it may have been shared again since';
COMMENT ON COLUMN audit.shared_with.messages_in IS 'Accepted messages from the partner';
COMMENT ON COLUMN audit.shared_with.messages_out IS 'Messages that our desk sent to the partner, whether or not they have got there yet';
COMMENT ON COLUMN audit.shared_with.messages_acknowledged IS 'Those of them that the partner has answered with success; audit.delivery has the others';
COMMENT ON COLUMN audit.shared_with.acknowledged_at IS 'When the newest acknowledgement came; sending one again that was acknowledged before does not count';
COMMENT ON COLUMN audit.shared_with.public_comments_in IS 'Comments that came from the partner and are public, as they were taken over';
COMMENT ON COLUMN audit.shared_with.private_comments_in IS 'Comments that came from the partner and are private, also where only private ones were allowed';
COMMENT ON COLUMN audit.shared_with.public_comments_out IS 'Comments that our desk sent to the partner as public, whether or not they have got there yet';
COMMENT ON COLUMN audit.shared_with.private_comments_out IS 'Comments that our desk sent to the partner as private, whether or not they have got there yet';
COMMENT ON COLUMN audit.shared_with.public_comments_acknowledged IS 'Public ones of them that the partner holds: it has answered a message with them with success';
COMMENT ON COLUMN audit.shared_with.private_comments_acknowledged IS 'Private ones of them that the partner holds';
COMMENT ON COLUMN audit.shared_with.disclosed_beyond IS 'Messages to the partner that held more than the agreement allows; audit.message says what';
