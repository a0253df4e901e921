-- How much a rate allows now; NULL where there is none.
CREATE OR REPLACE FUNCTION delivery.pace_left(next_at timestamptz, now timestamptz, rate integer)
RETURNS integer
LANGUAGE sql
IMMUTABLE
RETURN CASE
    WHEN rate IS NULL THEN NULL
    WHEN delivery.pace_begin(next_at, now, rate) > now THEN 0
    ELSE 1 + floor(extract(epoch FROM now - delivery.pace_begin(next_at, now, rate)) * rate)::integer
END;
COMMENT ON FUNCTION delivery.pace_left IS 'How much a rate allows now';
