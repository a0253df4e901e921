-- How destinations have answered lately, for all processes that deliver. A destination without a row is up.
CREATE TABLE delivery.destination (
    partner_id bigint PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('up', 'struggling', 'out')),
    since timestamptz,
    reason text,
    failures integer NOT NULL CHECK (failures >= 0),
    first_failure_at timestamptz,
    history integer NOT NULL CHECK (history >= 0),
    refusals integer NOT NULL CHECK (refusals >= 0),
    in_flight_limit integer CHECK (in_flight_limit > 0),
    canary_at timestamptz,
    canaries integer NOT NULL CHECK (canaries >= 0),
    canary bigint,
    CHECK ((state = 'out') = (canary_at IS NOT NULL)),
    CHECK ((state = 'struggling') = (in_flight_limit IS NOT NULL))
) WITH (fillfactor = 50);
COMMENT ON TABLE delivery.destination IS 'How destinations have answered lately; one that is not here is up';
COMMENT ON COLUMN delivery.destination.partner_id IS 'Partner; 0 is our own desk';
COMMENT ON COLUMN delivery.destination.state IS 'up; struggling: few requests at a time; out: one canary at a time';
COMMENT ON COLUMN delivery.destination.since IS 'When it came to that state';
COMMENT ON COLUMN delivery.destination.reason IS 'What the last attempt came to when it did';
COMMENT ON COLUMN delivery.destination.failures IS 'Attempts in a row that failed';
COMMENT ON COLUMN delivery.destination.first_failure_at IS 'When the first of these ended';
COMMENT ON COLUMN delivery.destination.history IS 'The last 20 attempts, a bit each, the lowest the last one; set where it failed';
COMMENT ON COLUMN delivery.destination.refusals IS 'Answers 401 or 403 in a row';
COMMENT ON COLUMN delivery.destination.in_flight_limit IS 'How many requests may be under way while it struggles';
COMMENT ON COLUMN delivery.destination.canary_at IS 'While it is out: when the next canary may go';
COMMENT ON COLUMN delivery.destination.canaries IS 'Canaries that failed since it went out';
COMMENT ON COLUMN delivery.destination.canary IS 'The delivery that was claimed as canary last';
