-- What was erased, by whom and why: a row for each part of an event.
DROP VIEW IF EXISTS audit.erasure;
CREATE VIEW audit.erasure AS
SELECT
    e.position,
    e.event_id,
    e.recorded_at,
    d.detail ->> 'operator' AS operator,
    d.detail ->> 'reason' AS reason,
    t.position AS erased_position,
    n.part ->> 'part' AS part,
    t.type AS erased_type,
    t.recorded_at AS erased_recorded_at,
    s.agreement,
    sh.ticket,
    t.part_lengths[array_position(t.part_names, n.part ->> 'part')] AS length
FROM ledger.event AS e
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
        ) AS detail
    OFFSET 0
) AS d
CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(d.facts -> 'erased') WHEN 'array' THEN d.facts -> 'erased' END
) AS n (part)
LEFT JOIN ledger.event AS t ON t.position = substring(n.part ->> 'position' FROM '^[0-9]{1,18}$')::bigint
LEFT JOIN ledger.stream AS s ON s.stream_id = t.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = t.share_id
WHERE e.type = 'payload.erased';

COMMENT ON VIEW audit.erasure IS 'What was erased, by whom and why: one row for each part of an event; that the event was there, and how long the part was, stays known';
COMMENT ON COLUMN audit.erasure.position IS 'Position of the event payload.erased';
COMMENT ON COLUMN audit.erasure.event_id IS 'Event id of the same';
COMMENT ON COLUMN audit.erasure.recorded_at IS 'When it was erased';
COMMENT ON COLUMN audit.erasure.operator IS 'Who erased it';
COMMENT ON COLUMN audit.erasure.reason IS 'Why';
COMMENT ON COLUMN audit.erasure.erased_position IS 'Position of the event that the part was of';
COMMENT ON COLUMN audit.erasure.part IS 'The part: body, headers, request-line, detail, …';
COMMENT ON COLUMN audit.erasure.erased_type IS 'What that event is';
COMMENT ON COLUMN audit.erasure.erased_recorded_at IS 'When that event was recorded';
COMMENT ON COLUMN audit.erasure.agreement IS 'Uuid of the agreement that it is of';
COMMENT ON COLUMN audit.erasure.ticket IS 'Uuid of the ticket that it is of';
COMMENT ON COLUMN audit.erasure.length IS 'Bytes that the part had';
