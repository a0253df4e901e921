-- From when on what a rate allows has not been used: at most a second ago, as no more than that is kept.
CREATE OR REPLACE FUNCTION delivery.pace_begin(next_at timestamptz, now timestamptz, rate integer)
RETURNS timestamptz
LANGUAGE sql
IMMUTABLE
RETURN greatest(coalesce(next_at, now), now - interval '1 second' + interval '1 second' / rate);
COMMENT ON FUNCTION delivery.pace_begin IS 'From when on what a rate allows has not been used';
