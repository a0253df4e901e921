-- Whether a replay's item of an agreement is next to go: the replay is not held back, and nothing of it goes before under that
-- agreement to that destination. Only then does an agreement message of a replay hold what is not of it.
CREATE OR REPLACE FUNCTION delivery.is_turn(replay bigint, destination bigint, stream bigint, item integer) RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
            SELECT
            FROM delivery.replay AS r
            WHERE r.replay_id = replay
                AND r.cancelled_at IS NULL
                AND r.prepared_until IS NULL
                AND NOT r.paused
        )
        AND NOT EXISTS (
            SELECT
            FROM delivery.queue AS q
            WHERE q.partner_id = destination
                AND q.stream_id = stream
                AND q.is_head
                AND q.state = 'waiting'
                AND q.replay_id = replay
                AND q.item < is_turn.item
        );
END
$$;
COMMENT ON FUNCTION delivery.is_turn IS 'Whether a replay''s item is next to go under its agreement';
