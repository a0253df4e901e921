-- People whom messages name: who is named how, in which share, and since when.
DROP VIEW IF EXISTS audit.actor;
CREATE VIEW audit.actor AS
SELECT
    s.agreement,
    sh.ticket,
    p.name AS partner,
    n.part,
    n.person ->> 'uuid' AS actor_uuid,
    n.person ->> 'name' AS actor,
    n.person ->> 'role' AS role,
    min(e.recorded_at) AS first_at,
    max(e.recorded_at) AS last_at,
    min(e.position) AS first_position,
    count(*) AS times,
    bool_or(e.direction = 'in') AS named_by_partner,
    bool_or(e.direction = 'out') AS named_by_desk,
    bool_or(e.direction = 'in' OR k.held) AS partner_knows
FROM ledger.event AS e
JOIN ledger.stream AS s ON s.stream_id = e.stream_id
JOIN ledger.share AS sh ON sh.share_id = e.share_id
LEFT JOIN projection.agreement AS g ON g.stream_id = e.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = g.partner_id
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'body'
                AND f.castable
        ) AS body
    OFFSET 0
) AS d
CROSS JOIN LATERAL (
    SELECT 'requester' AS part, d.body -> 'requester' AS person
    UNION ALL
    SELECT 'current_actor', d.body -> 'current_actor'
    UNION ALL
    SELECT 'author', c.comment -> 'author'
    FROM jsonb_array_elements(
        CASE jsonb_typeof(d.body -> 'comments') WHEN 'array' THEN d.body -> 'comments' END
    ) AS c (comment)
) AS n
CROSS JOIN LATERAL (
    SELECT
        EXISTS (
            SELECT
            FROM ledger.event AS o
            WHERE o.about = e.event_id
                AND o.type = 'attempt.succeeded'
                AND o.direction = 'out'
        ) AS held
) AS k
WHERE e.type IN ('ticket.shared', 'ticket.updated')
    AND jsonb_typeof(n.person) = 'object'
GROUP BY s.agreement, sh.ticket, p.name, n.part, n.person ->> 'uuid', n.person ->> 'name', n.person ->> 'role';

COMMENT ON VIEW audit.actor IS 'People whom messages name: one row for each name in each part of each share';
COMMENT ON COLUMN audit.actor.agreement IS 'Uuid of the agreement that the ticket is shared under';
COMMENT ON COLUMN audit.actor.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.actor.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.actor.part IS 'requester, author (of a comment), or current_actor: who did what the message says';
COMMENT ON COLUMN audit.actor.actor_uuid IS 'Uuid of the person';
COMMENT ON COLUMN audit.actor.actor IS 'Name of the person';
COMMENT ON COLUMN audit.actor.role IS 'agent or end-user, as was said';
COMMENT ON COLUMN audit.actor.first_at IS 'When the first message that names the person so was recorded';
COMMENT ON COLUMN audit.actor.last_at IS 'When the last one was recorded';
COMMENT ON COLUMN audit.actor.first_position IS 'Position of the first one';
COMMENT ON COLUMN audit.actor.times IS 'How often the person is named so';
COMMENT ON COLUMN audit.actor.named_by_partner IS 'Whether a message of the partner does';
COMMENT ON COLUMN audit.actor.named_by_desk IS 'Whether a message of our desk does';
COMMENT ON COLUMN audit.actor.partner_knows IS 'Whether the partner said so itself, or has answered a message that does with success';
