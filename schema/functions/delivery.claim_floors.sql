-- The oldest due time among the heads that could be claimed, for each destination and source that has any; nothing is claimed.
--
-- Looks at no head that is due before the floor of its destination and source, where one is given.
DROP FUNCTION IF EXISTS delivery.claim_floors(bigint[], bigint[], timestamptz[]);
CREATE FUNCTION delivery.claim_floors(
    floor_partners bigint[],
    floor_sources bigint[],
    floors timestamptz[]
) RETURNS TABLE (partner_id bigint, source bigint, due_at timestamptz)
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
-- Heads come in the order of queue_due, or a partner's whole index is read and sorted.
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH running AS (
        SELECT r.replay_id, r.destination
        FROM delivery.replay AS r
        WHERE r.finished_at IS NULL
    )
    SELECT d.partner_id, s.source, h.due_at
    FROM (
        SELECT p.partner_id FROM projection.partner AS p
        UNION ALL
        SELECT 0
        UNION ALL
        SELECT -r.replay_id FROM running AS r WHERE r.destination = 'sandbox'
    ) AS d (partner_id)
    CROSS JOIN (SELECT -2::bigint UNION ALL SELECT -1 UNION ALL SELECT r.replay_id FROM running AS r) AS s (source)
    CROSS JOIN LATERAL (
        SELECT (
            SELECT f.due_at
            FROM unnest(floor_partners, floor_sources, floors) AS f (partner_id, source, due_at)
            WHERE f.partner_id = d.partner_id
                AND f.source = s.source
        )
    ) AS f (due_at)
    LEFT JOIN LATERAL (
        SELECT w.due_at
        FROM delivery.queue AS w
        WHERE w.partner_id = d.partner_id
            AND w.source = s.source
            AND w.is_head
            AND w.state = 'waiting'
            AND w.claim IS NULL
            AND w.due_at >= coalesce(f.due_at, '-infinity')
        ORDER BY w.due_at
        LIMIT 1
    ) AS h ON true;
END
$$;
COMMENT ON FUNCTION delivery.claim_floors IS 'The oldest due time of what could be claimed, by destination and source';
