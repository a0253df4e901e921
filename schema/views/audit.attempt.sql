-- Every attempt to deliver a message: a row for each attempt.begun, with the event of its end where there is one.
DROP VIEW IF EXISTS audit.attempt;
CREATE VIEW audit.attempt AS
SELECT
    b.position,
    b.event_id,
    m.position AS message_position,
    m.event_id AS message_id,
    m.type AS message_type,
    m.direction,
    s.agreement,
    sh.ticket,
    p.name AS partner,
    g.facts ->> 'destination' AS destination,
    b.attempt,
    b.recorded_at AS begun_at,
    e.recorded_at AS ended_at,
    e.position AS end_position,
    CASE e.type
        WHEN 'attempt.succeeded' THEN 'succeeded'
        WHEN 'attempt.failed' THEN 'failed'
        WHEN 'attempt.unknown' THEN 'unknown'
        ELSE 'under way'
    END AS outcome,
    e.status,
    x.facts ->> 'class' AS class,
    y.detail ->> 'error' AS reason,
    coalesce(y.detail ->> 'address', d.detail ->> 'address') AS address,
    d.detail ->> 'url' AS url,
    (x.facts ->> 'due_at')::timestamptz AS next_at,
    (y.detail ->> 'total_ms')::numeric AS total_ms,
    y.detail ->> 'tls' AS tls,
    y.detail ->> 'certificate_sha256' AS certificate_sha256,
    (g.facts ->> 'replay')::bigint AS replay,
    b.exchange
FROM ledger.event AS b
JOIN ledger.event AS m ON m.event_id = b.about
JOIN ledger.stream AS s ON s.stream_id = b.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = b.share_id
LEFT JOIN projection.agreement AS a ON a.stream_id = b.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = a.partner_id
LEFT JOIN LATERAL (
    SELECT o.position, o.recorded_at, o.type, o.status
    FROM ledger.event AS o
    WHERE o.about = b.about
        AND o.exchange = b.exchange
        AND o.attempt = b.attempt
        AND o.position > b.position
        AND o.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
    ORDER BY o.position
    LIMIT 1
) AS e ON true
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = b.position
                AND f.part = 'facts'
        ) AS facts
    OFFSET 0
) AS g
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = b.position
                AND f.part = 'detail'
        ) AS detail
    OFFSET 0
) AS d
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'facts'
        ) AS facts
    OFFSET 0
) AS x
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'detail'
        ) AS detail
    OFFSET 0
) AS y
WHERE b.type = 'attempt.begun';

COMMENT ON VIEW audit.attempt IS 'Every attempt to deliver a message to a partner or to our desk, and how it ended: one row an attempt';
COMMENT ON COLUMN audit.attempt.position IS 'Position of the event attempt.begun, recorded before a byte of the request left';
COMMENT ON COLUMN audit.attempt.event_id IS 'Event id of the same';
COMMENT ON COLUMN audit.attempt.message_position IS 'Position of the message that was delivered; see audit.message';
COMMENT ON COLUMN audit.attempt.message_id IS 'Event id of that message';
COMMENT ON COLUMN audit.attempt.message_type IS 'What the message is: agreement.… or ticket.…';
COMMENT ON COLUMN audit.attempt.direction IS 'Of the message. out: it was for the partner; in: it came from the partner';
COMMENT ON COLUMN audit.attempt.agreement IS 'Uuid of the agreement';
COMMENT ON COLUMN audit.attempt.ticket IS 'Uuid of the ticket; NULL for messages about an agreement';
COMMENT ON COLUMN audit.attempt.partner IS 'Name of the partner that the agreement is with, as it is called now';
COMMENT ON COLUMN audit.attempt.destination IS 'Who was to get it: partner, desk, or sandbox, a URL that was named for a replay';
COMMENT ON COLUMN audit.attempt.attempt IS 'Number of the try of this delivery, from 1; a replay of the message counts anew';
COMMENT ON COLUMN audit.attempt.begun_at IS 'When it was recorded that the attempt begins';
COMMENT ON COLUMN audit.attempt.ended_at IS 'When its end was recorded; NULL while it is under way';
COMMENT ON COLUMN audit.attempt.end_position IS 'Position of the event with its outcome';
COMMENT ON COLUMN audit.attempt.outcome IS 'succeeded, failed, unknown (the request may have arrived), or under way';
COMMENT ON COLUMN audit.attempt.status IS 'HTTP status that was answered, if one was';
COMMENT ON COLUMN audit.attempt.class IS 'What came of the delivery: delivered, exists, gone (there was nothing to unshare), retry, interrupted, other-method, refused, redirect or exhausted';
COMMENT ON COLUMN audit.attempt.reason IS 'What was wrong; NULL where nothing was, or where it is erased';
COMMENT ON COLUMN audit.attempt.address IS 'Network address that it went to, or was to go to';
COMMENT ON COLUMN audit.attempt.url IS 'URL that it was sent to';
COMMENT ON COLUMN audit.attempt.next_at IS 'When it was to be tried again, where it was';
COMMENT ON COLUMN audit.attempt.total_ms IS 'Milliseconds from the beginning of the transfer to its end';
COMMENT ON COLUMN audit.attempt.tls IS 'Version of TLS that was spoken; NULL for plain HTTP';
COMMENT ON COLUMN audit.attempt.certificate_sha256 IS 'SHA-256 of the certificate that the other side showed, hex';
COMMENT ON COLUMN audit.attempt.replay IS 'Position of the event replay.requested, where it was sent again for a replay';
COMMENT ON COLUMN audit.attempt.exchange IS 'The HTTP exchange of the attempt; its events have the same one';
