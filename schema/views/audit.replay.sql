-- Replays that operators asked for, and what became of them.
DROP VIEW IF EXISTS audit.replay;
CREATE VIEW audit.replay AS
SELECT
    r.replay_id AS replay,
    r.requested_at,
    r.operator,
    r.reason,
    d.detail ->> 'partner' AS partner,
    r.destination,
    r.sandbox_url,
    r.mode,
    d.facts ->> 'agreement' AS agreement,
    d.facts ->> 'ticket' AS ticket,
    d.facts ->> 'from' AS "from",
    d.facts ->> 'to' AS "to",
    r.rate,
    CASE
        WHEN r.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN r.finished_at IS NOT NULL THEN 'finished'
        WHEN r.prepared_until IS NOT NULL THEN 'preparing'
        WHEN r.paused THEN 'paused'
        ELSE 'running'
    END AS state,
    r.finished_at,
    r.item_count AS items,
    greatest(o.delivered, r.delivered_count) AS delivered,
    o.skipped,
    o.abandoned,
    o.cancelled,
    q.parked,
    q.waiting
FROM delivery.replay AS r
CROSS JOIN LATERAL (
    SELECT
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = r.replay_id
                AND f.part = 'facts'
        ) AS facts,
        (
            SELECT ledger.json(f.content)
            FROM ledger.payload AS f
            WHERE f.position = r.replay_id
                AND f.part = 'detail'
        ) AS detail
    OFFSET 0
) AS d
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE o.outcome = 'delivered') AS delivered,
        count(*) FILTER (WHERE o.outcome = 'skipped') AS skipped,
        count(*) FILTER (WHERE o.outcome = 'abandoned') AS abandoned,
        count(*) FILTER (WHERE o.outcome = 'cancelled') AS cancelled
    FROM delivery.replay_outcome AS o
    WHERE o.replay_id = r.replay_id
) AS o
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE q.state = 'parked') AS parked,
        count(*) FILTER (WHERE q.state = 'waiting') AS waiting
    FROM delivery.queue AS q
    WHERE q.replay_id = r.replay_id
) AS q;

COMMENT ON VIEW audit.replay IS 'Replays that operators asked for, and how far they have come: one row each';
COMMENT ON COLUMN audit.replay.replay IS 'Position of the event replay.requested, by which commands know it';
COMMENT ON COLUMN audit.replay.requested_at IS 'When it was recorded';
COMMENT ON COLUMN audit.replay.operator IS 'Who asked for it';
COMMENT ON COLUMN audit.replay.reason IS 'Why';
COMMENT ON COLUMN audit.replay.partner IS 'Names at that time of the partners whose agreements it is of';
COMMENT ON COLUMN audit.replay.destination IS 'partner; desk: our own; sandbox: a URL that was named for it alone';
COMMENT ON COLUMN audit.replay.sandbox_url IS 'That URL';
COMMENT ON COLUMN audit.replay.mode IS 'messages: the stored bytes; state: tickets as they stood when they were sent';
COMMENT ON COLUMN audit.replay.agreement IS 'Uuid of the agreement, where it is of one';
COMMENT ON COLUMN audit.replay.ticket IS 'Uuid of the ticket, where it is of one';
COMMENT ON COLUMN audit.replay."from" IS 'Beginning of its range, a time or a position; NULL: from the first on';
COMMENT ON COLUMN audit.replay."to" IS 'End of its range, which is not part of it; NULL: up to the newest';
COMMENT ON COLUMN audit.replay.rate IS 'Deliveries a second at most';
COMMENT ON COLUMN audit.replay.state IS 'preparing (being put into the queue), running, paused, finished or cancelled';
COMMENT ON COLUMN audit.replay.finished_at IS 'When nothing of it was left';
COMMENT ON COLUMN audit.replay.items IS 'Deliveries in all';
COMMENT ON COLUMN audit.replay.delivered IS 'Those that were delivered, or found there already';
COMMENT ON COLUMN audit.replay.skipped IS 'Those that an operator or another replay gave up';
COMMENT ON COLUMN audit.replay.abandoned IS 'Those of which nothing was left to be sent';
COMMENT ON COLUMN audit.replay.cancelled IS 'Those that were given up with the replay';
COMMENT ON COLUMN audit.replay.parked IS 'Those that wait for an operator';
COMMENT ON COLUMN audit.replay.waiting IS 'Those that are still to go, or under way';
