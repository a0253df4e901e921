-- Comments of tickets, once each, and whether the partner holds them.
DROP VIEW IF EXISTS audit.comment;
CREATE VIEW audit.comment AS
SELECT
    s.agreement,
    sh.ticket,
    p.name AS partner,
    c.comment,
    c.ordinal,
    c.public,
    c.body,
    c.author_name AS author,
    c.author_uuid,
    c.authored_at,
    CASE e.direction WHEN 'in' THEN 'partner' ELSE 'desk' END AS sent_by,
    c.position,
    e.recorded_at,
    CASE e.direction WHEN 'in' THEN e.recorded_at ELSE k.recorded_at END AS partner_holds_since,
    c.erased
FROM projection.comment AS c
JOIN ledger.share AS sh ON sh.share_id = c.share_id
JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
JOIN projection.agreement AS g ON g.stream_id = sh.stream_id
JOIN projection.partner AS p ON p.partner_id = g.partner_id
LEFT JOIN ledger.event AS e ON e.position = c.position
LEFT JOIN LATERAL (
    SELECT min(o.recorded_at) AS recorded_at
    FROM ledger.event AS o
    WHERE o.about = e.event_id
        AND o.type = 'attempt.succeeded'
        AND o.direction = 'out'
) AS k ON true;

COMMENT ON VIEW audit.comment IS 'Comments of tickets, once each as they came first: who wrote what, whether it is public, and whether the partner holds it';
COMMENT ON COLUMN audit.comment.agreement IS 'Uuid of the agreement that its ticket is shared under';
COMMENT ON COLUMN audit.comment.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.comment.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.comment.comment IS 'Uuid of the comment';
COMMENT ON COLUMN audit.comment.ordinal IS 'Place among the comments of its ticket, from 0';
COMMENT ON COLUMN audit.comment.public IS 'As it is kept: false where the agreement allowed private comments only';
COMMENT ON COLUMN audit.comment.body IS 'Text; NULL where it is erased';
COMMENT ON COLUMN audit.comment.author IS 'Name of the author';
COMMENT ON COLUMN audit.comment.author_uuid IS 'Uuid of the author';
COMMENT ON COLUMN audit.comment.authored_at IS 'When it was written, as was said';
COMMENT ON COLUMN audit.comment.sent_by IS 'desk or partner: who sent it first';
COMMENT ON COLUMN audit.comment.position IS 'Position of the message that brought it; see audit.message';
COMMENT ON COLUMN audit.comment.recorded_at IS 'When that message was recorded';
COMMENT ON COLUMN audit.comment.partner_holds_since IS 'When the partner answered that message with success, or sent it itself; NULL: as far as we know it does not hold it';
COMMENT ON COLUMN audit.comment.erased IS 'Whether its bytes are erased';
