-- Partners, how they have answered lately, and what waits for them.
DROP VIEW IF EXISTS audit.partner_health;
CREATE VIEW audit.partner_health AS
SELECT
    p.name AS partner,
    p.base_url AS partner_url,
    CASE
        WHEN p.state = 'proposed' THEN 'proposed'
        WHEN p.paused THEN 'paused'
        ELSE coalesce(h.state, 'up')
    END AS state,
    CASE WHEN p.state = 'active' AND NOT p.paused THEN h.since END AS since,
    h.reason,
    coalesce(h.failures, 0) AS failures_in_a_row,
    h.canary_at AS next_try_at,
    q.waiting,
    q.under_way,
    q.parked_lanes,
    q.oldest_at,
    q.newest_at
FROM projection.partner AS p
LEFT JOIN delivery.destination AS h ON h.partner_id = p.partner_id
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE q.state = 'waiting' AND q.claim IS NULL) AS waiting,
        count(*) FILTER (WHERE q.claim IS NOT NULL) AS under_way,
        count(*) FILTER (WHERE q.state = 'parked') AS parked_lanes,
        min(q.enqueued_at) AS oldest_at,
        max(q.enqueued_at) AS newest_at
    FROM delivery.queue AS q
    WHERE q.partner_id = p.partner_id
) AS q;

COMMENT ON VIEW audit.partner_health IS 'Partners, how they have answered lately, and what waits for them: one row a partner';
COMMENT ON COLUMN audit.partner_health.partner IS 'Name of the partner, as it is called now';
COMMENT ON COLUMN audit.partner_health.partner_url IS 'Base URL of the partner, as it is now';
COMMENT ON COLUMN audit.partner_health.state IS 'up; struggling: few requests at a time; out: one request at a time finds out whether it is back; paused by an operator or its answers; proposed: no operator has accepted it';
COMMENT ON COLUMN audit.partner_health.since IS 'When it came to that state; NULL where it was never another one';
COMMENT ON COLUMN audit.partner_health.reason IS 'What the attempt came to that brought it there';
COMMENT ON COLUMN audit.partner_health.failures_in_a_row IS 'Attempts that failed since the last success';
COMMENT ON COLUMN audit.partner_health.next_try_at IS 'While it is out: when it is tried again';
COMMENT ON COLUMN audit.partner_health.waiting IS 'Deliveries that nobody works on';
COMMENT ON COLUMN audit.partner_health.under_way IS 'Deliveries that a process works on';
COMMENT ON COLUMN audit.partner_health.parked_lanes IS 'Shares and agreements that an operator has to decide about';
COMMENT ON COLUMN audit.partner_health.oldest_at IS 'When the oldest of all that it has not acknowledged came';
COMMENT ON COLUMN audit.partner_health.newest_at IS 'When the newest of it came';
