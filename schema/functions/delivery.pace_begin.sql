-- From when on what a rate allows has not been used: at most a second ago, as no more than that is kept.
--
-- A time that lies further ahead than any rate can put it was written before the clock was set back, and counts for nothing.
CREATE OR REPLACE FUNCTION delivery.pace_begin(next_at timestamptz, now timestamptz, rate integer)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
RETURN greatest(
    CASE WHEN next_at <= now + interval '10 seconds' THEN next_at ELSE now END,
    now - interval '1 second' + interval '1 second' / rate);
COMMENT ON FUNCTION delivery.pace_begin IS 'From when on what a rate allows has not been used';
