-- What is on its way, and how each delivery ended: a row for every delivery in the queue, and one for every end.
--
-- Both halves hold all columns that people search by, so that a condition reaches the indexes of each.
DROP VIEW IF EXISTS audit.delivery;
CREATE VIEW audit.delivery AS
SELECT
    q.message_position,
    q.message_id,
    m.type AS message_type,
    s.agreement,
    sh.ticket,
    p.name AS partner,
    CASE WHEN q.partner_id = 0 THEN 'desk' WHEN q.partner_id < 0 THEN 'sandbox' ELSE 'partner' END AS destination,
    CASE
        WHEN q.state = 'parked' THEN 'parked'
        WHEN q.claim IS NOT NULL THEN 'claimed'
        WHEN q.is_head THEN 'waiting'
        ELSE 'behind another'
    END AS state,
    m.recorded_at,
    CASE WHEN q.state = 'waiting' AND q.claim IS NULL THEN q.due_at END AS due_at,
    NULL::timestamptz AS finished_at,
    q.attempts,
    l.recorded_at AS last_attempt_at,
    l.position AS last_attempt_position,
    l.type AS last_attempt,
    l.status AS last_status,
    coalesce(q.reason, l.detail ->> 'error') AS error,
    l.detail ->> 'address' AS address,
    q.replay_id AS replay,
    q.kind,
    q.delivery_id
FROM delivery.queue AS q
JOIN ledger.event AS m ON m.position = q.message_position
JOIN ledger.stream AS s ON s.stream_id = q.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
LEFT JOIN projection.agreement AS a ON a.stream_id = q.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = a.partner_id
LEFT JOIN LATERAL (
    SELECT
        e.position,
        e.recorded_at,
        e.type,
        e.status,
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'detail'
        ) AS detail
    FROM ledger.event AS e
    WHERE e.about = q.message_id
        AND e.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
        AND e.direction IS NOT DISTINCT FROM CASE sign(q.partner_id) WHEN 1 THEN 'out' WHEN 0 THEN 'in' END
        AND q.attempts > 0
    ORDER BY e.position DESC
    LIMIT 1
) AS l ON true
UNION ALL
SELECT
    m.position,
    m.event_id,
    m.type,
    s.agreement,
    sh.ticket,
    p.name,
    g.facts ->> 'destination',
    CASE e.type
        WHEN 'attempt.succeeded' THEN 'delivered'
        WHEN 'delivery.skipped' THEN 'skipped'
        ELSE 'abandoned'
    END,
    m.recorded_at,
    NULL,
    e.recorded_at,
    e.attempt,
    l.recorded_at,
    l.position,
    l.type,
    l.status,
    coalesce(d.detail ->> 'reason', l.detail ->> 'error'),
    l.detail ->> 'address',
    (g.facts ->> 'replay')::bigint,
    coalesce(CASE WHEN y.mode = 'state' THEN 'state' END, 'message'),
    NULL
FROM ledger.event AS e
JOIN ledger.event AS m ON m.event_id = e.about
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
        ) AS facts
    OFFSET 0
) AS g
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = e.position
                AND f.part = 'detail'
        ) AS detail
    OFFSET 0
) AS d
LEFT JOIN LATERAL (
    SELECT
        o.position,
        o.recorded_at,
        o.type,
        o.status,
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = o.position
                AND f.part = 'detail'
        ) AS detail
    FROM ledger.event AS o
    WHERE o.about = e.about
        AND o.position <= e.position
        AND o.direction IS NOT DISTINCT FROM e.direction
        AND o.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
    ORDER BY o.position DESC
    LIMIT 1
) AS l ON true
LEFT JOIN delivery.replay AS y ON y.replay_id = (g.facts ->> 'replay')::bigint
WHERE e.type IN ('attempt.succeeded', 'delivery.skipped', 'delivery.abandoned');

COMMENT ON VIEW audit.delivery IS 'What is on its way to a partner or to our desk, what failed and why, and what was delivered: one row a delivery';
COMMENT ON COLUMN audit.delivery.message_position IS 'Position of the message that is delivered; see audit.message';
COMMENT ON COLUMN audit.delivery.message_id IS 'Event id of that message';
COMMENT ON COLUMN audit.delivery.message_type IS 'What the message is: agreement.… or ticket.…';
COMMENT ON COLUMN audit.delivery.agreement IS 'Uuid of the agreement';
COMMENT ON COLUMN audit.delivery.ticket IS 'Uuid of the ticket; NULL for messages about an agreement';
COMMENT ON COLUMN audit.delivery.partner IS 'Name of the partner that the agreement is with, as it is called now';
COMMENT ON COLUMN audit.delivery.destination IS 'partner: it goes to the partner; desk: to our own desk; sandbox: to a URL that was named for a replay';
COMMENT ON COLUMN audit.delivery.state IS 'waiting, behind another (of the same share), claimed (a process has taken it up; audit.attempt says whether it has begun), parked (an operator must act), delivered, skipped or abandoned';
COMMENT ON COLUMN audit.delivery.recorded_at IS 'When the message was recorded';
COMMENT ON COLUMN audit.delivery.due_at IS 'Not tried before then; NULL where nothing is waited for';
COMMENT ON COLUMN audit.delivery.finished_at IS 'When it ended; NULL while it is in the queue';
COMMENT ON COLUMN audit.delivery.attempts IS 'Attempts made for the message, each with its events in the ledger';
COMMENT ON COLUMN audit.delivery.last_attempt_at IS 'When the last attempt ended';
COMMENT ON COLUMN audit.delivery.last_attempt_position IS 'Position of the event with that attempt''s outcome';
COMMENT ON COLUMN audit.delivery.last_attempt IS 'Outcome: attempt.succeeded, attempt.failed, or attempt.unknown where the request may have arrived';
COMMENT ON COLUMN audit.delivery.last_status IS 'HTTP status that the destination answered, if it did';
COMMENT ON COLUMN audit.delivery.error IS 'Why it is parked, was skipped or abandoned; else what was wrong with the last attempt';
COMMENT ON COLUMN audit.delivery.address IS 'Network address that the last attempt went to';
COMMENT ON COLUMN audit.delivery.replay IS 'Position of the event replay.requested, where it was sent again for a replay';
COMMENT ON COLUMN audit.delivery.kind IS 'message: the stored bytes; state: the ticket as it was reconstructed when it was sent';
COMMENT ON COLUMN audit.delivery.delivery_id IS 'Number that the commands ''shareledger delivery …'' know it by; NULL once it has ended';
