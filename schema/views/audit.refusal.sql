-- Messages that were refused, and why.
DROP VIEW IF EXISTS audit.refusal;
CREATE VIEW audit.refusal AS
SELECT
    e.position,
    e.event_id,
    e.recorded_at,
    e.direction,
    s.agreement,
    sh.ticket,
    coalesce(p.name, d.detail ->> 'partner') AS partner,
    e.status,
    d.facts ->> 'error' AS error,
    d.detail ->> 'detail' AS error_detail,
    d.detail ->> 'source' AS source,
    coalesce(substring(d.facts ->> 'count' FROM '^[0-9]{1,18}$')::bigint, 1) AS count,
    d.body
FROM ledger.event AS e
JOIN ledger.stream AS s ON s.stream_id = e.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
LEFT JOIN projection.agreement AS a ON a.stream_id = e.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = a.partner_id
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
                AND f.part = 'detail'
        ) AS detail,
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'body'
                AND f.castable
        ) AS body
    OFFSET 0
) AS d
WHERE e.type = 'message.refused';

COMMENT ON VIEW audit.refusal IS 'Messages that were refused, and why: one row each, or one for many that came in a minute';
COMMENT ON COLUMN audit.refusal.position IS 'Position of the event message.refused';
COMMENT ON COLUMN audit.refusal.event_id IS 'Event id of the same';
COMMENT ON COLUMN audit.refusal.recorded_at IS 'When it was recorded, before it was answered';
COMMENT ON COLUMN audit.refusal.direction IS 'in: it came from outside; out: our own desk sent it';
COMMENT ON COLUMN audit.refusal.agreement IS 'Uuid of the agreement; NULL where the sender could not be authenticated';
COMMENT ON COLUMN audit.refusal.ticket IS 'Uuid of the ticket, of one that is shared';
COMMENT ON COLUMN audit.refusal.partner IS 'Name of the partner at the other end, or whom the message named';
COMMENT ON COLUMN audit.refusal.status IS 'HTTP status that was answered';
COMMENT ON COLUMN audit.refusal.error IS 'Why, as a word for programs';
COMMENT ON COLUMN audit.refusal.error_detail IS 'Why, in a sentence';
COMMENT ON COLUMN audit.refusal.source IS 'Network address that it came from';
COMMENT ON COLUMN audit.refusal.count IS 'Messages that the row stands for';
COMMENT ON COLUMN audit.refusal.body IS 'Body, where it is kept and jsonb can hold it';
