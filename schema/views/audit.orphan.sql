-- Tickets over which nothing goes any more, of which the other side keeps a copy.
DROP VIEW IF EXISTS audit.orphan;
CREATE VIEW audit.orphan AS
SELECT
    a.agreement,
    sh.ticket,
    p.name AS partner,
    a.our_role,
    CASE WHEN t.shared THEN 'agreement ' || a.status ELSE 'unshared' END AS why,
    CASE WHEN t.shared THEN a.last_recorded_at ELSE u.recorded_at END AS since,
    t.last_position,
    c.public_comments AS public_comments_held,
    c.private_comments AS private_comments_held
FROM projection.agreement AS a
JOIN projection.partner AS p ON p.partner_id = a.partner_id
JOIN ledger.share AS sh ON sh.stream_id = a.stream_id
JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
LEFT JOIN LATERAL (
    SELECT e.recorded_at
    FROM ledger.event AS e
    WHERE e.share_id = sh.share_id
        AND e.type = 'ticket.unshared'
    ORDER BY e.share_seq DESC
    LIMIT 1
) AS u ON true
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE c.public) AS public_comments,
        count(*) FILTER (WHERE NOT c.public) AS private_comments
    FROM projection.comment AS c
    JOIN ledger.event AS e ON e.position = c.position
    WHERE c.share_id = sh.share_id
        AND (
            e.direction = 'in'
            OR EXISTS (
                SELECT
                FROM ledger.event AS o
                WHERE o.about = e.event_id
                    AND o.type = 'attempt.succeeded'
                    AND o.direction = 'out'
            )
        )
) AS c
WHERE NOT t.shared
    OR a.status <> 'accepted';

COMMENT ON VIEW audit.orphan IS 'Tickets over which nothing goes any more, and how much of each the partner keeps: one row a share; audit.disclosure says what';
COMMENT ON COLUMN audit.orphan.agreement IS 'Uuid of the agreement that it was shared under';
COMMENT ON COLUMN audit.orphan.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.orphan.partner IS 'Name of the partner that keeps a copy, as it is called now';
COMMENT ON COLUMN audit.orphan.our_role IS 'sender: we had shared it with the partner; receiver: the partner had shared it with us';
COMMENT ON COLUMN audit.orphan.why IS 'unshared, or the status of the agreement';
COMMENT ON COLUMN audit.orphan.since IS 'When it was unshared, or the agreement came to that status';
COMMENT ON COLUMN audit.orphan.last_position IS 'Position of the last accepted message about it';
COMMENT ON COLUMN audit.orphan.public_comments_held IS 'Public comments that the partner sent itself, or has acknowledged';
COMMENT ON COLUMN audit.orphan.private_comments_held IS 'Private ones of that kind';
