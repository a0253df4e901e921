-- Files that comments name; they stay where their sender holds them ready.
DROP VIEW IF EXISTS audit.attachment;
CREATE VIEW audit.attachment AS
SELECT
    s.agreement,
    sh.ticket,
    p.name AS partner,
    c.comment,
    c.public,
    a.attachment ->> 'filename' AS filename,
    a.attachment ->> 'display_filename' AS display_filename,
    a.attachment ->> 'content_type' AS content_type,
    a.attachment ->> 'url' AS url,
    CASE e.direction WHEN 'in' THEN 'partner' ELSE 'desk' END AS sent_by,
    c.position,
    e.recorded_at,
    CASE e.direction WHEN 'in' THEN e.recorded_at ELSE k.recorded_at END AS partner_holds_since
FROM projection.comment AS c
JOIN ledger.share AS sh ON sh.share_id = c.share_id
JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
JOIN projection.agreement AS g ON g.stream_id = sh.stream_id
JOIN projection.partner AS p ON p.partner_id = g.partner_id
LEFT JOIN ledger.event AS e ON e.position = c.position
CROSS JOIN LATERAL (SELECT ledger.json(convert_to(c.state::text, 'UTF8')) -> 'attachments' AS attachments OFFSET 0) AS j
CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(j.attachments) WHEN 'array' THEN j.attachments END
) AS a (attachment)
LEFT JOIN LATERAL (
    SELECT min(o.recorded_at) AS recorded_at
    FROM ledger.event AS o
    WHERE o.about = e.event_id
        AND o.type = 'attempt.succeeded'
        AND o.direction = 'out'
) AS k ON true;

COMMENT ON VIEW audit.attachment IS 'Files that comments name: one row a file of a comment';
COMMENT ON COLUMN audit.attachment.agreement IS 'Uuid of the agreement that its ticket is shared under';
COMMENT ON COLUMN audit.attachment.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.attachment.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.attachment.comment IS 'Uuid of the comment; see audit.comment';
COMMENT ON COLUMN audit.attachment.public IS 'Whether that comment is public';
COMMENT ON COLUMN audit.attachment.filename IS 'Name of the file';
COMMENT ON COLUMN audit.attachment.display_filename IS 'Name to show, where there is another one';
COMMENT ON COLUMN audit.attachment.content_type IS 'Media type, as was said';
COMMENT ON COLUMN audit.attachment.url IS 'Where its sender holds it ready';
COMMENT ON COLUMN audit.attachment.sent_by IS 'desk or partner: who sent it';
COMMENT ON COLUMN audit.attachment.position IS 'Position of the message that brought it';
COMMENT ON COLUMN audit.attachment.recorded_at IS 'When that message was recorded';
COMMENT ON COLUMN audit.attachment.partner_holds_since IS 'When the partner answered that message with success, or sent it itself; NULL: as far as we know it does not hold it';
