-- Makes the partitions of ledger.event and ledger.payload that hold positions up to `upto`, and one more ahead.
-- No further than two partitions past that of the newest event: whoever may call this could make any number of tables.
-- A partition is made apart and then attached, which lets readers and the appender go on meanwhile.
CREATE OR REPLACE FUNCTION ledger.ensure_partitions(upto bigint) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size CONSTANT bigint := 10000000;
    number bigint;
    lower_bound bigint;
    parent text;
    child text;
    guard record;
    unplanned name;
    head bigint;
BEGIN
    SELECT coalesce(max(e.position), 0) INTO head FROM ledger.event AS e;
    IF upto IS NULL OR upto < 0 OR upto / size > head / size + 2 THEN
        RAISE EXCEPTION 'partitions for position % are not made: the ledger is at %', upto, head
            USING ERRCODE = 'SL003', HINT = 'Partitions are made as the ledger grows, a few ahead of it.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('shareledger.partitions', 0));
    FOR number IN 0 .. upto / size + 1 LOOP
        lower_bound := number * size;
        FOREACH parent IN ARRAY ARRAY['event', 'payload'] LOOP
            child := format('%s_%s', parent, lpad(number::text, 6, '0'));
            CONTINUE WHEN to_regclass(format('ledger.%I', child)) IS NOT NULL;
            EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING ALL)', child, parent);
            EXECUTE format(
                'ALTER TABLE ledger.%I ADD CONSTRAINT bounds CHECK (position >= %s AND position < %s)',
                child, lower_bound, lower_bound + size);
            -- Insert-only: vacuum soon and often enough to keep the visibility map of a growing table true.
            EXECUTE format(
                'ALTER TABLE ledger.%I SET (autovacuum_vacuum_insert_scale_factor = 0.0,
                                            autovacuum_vacuum_insert_threshold = 200000)', child);
            -- No plan looks at bytes, and ANALYZE would read and compare them at every tenth that a partition grows by.
            FOREACH unplanned IN ARRAY CASE parent
                WHEN 'event'
                THEN ARRAY['leaf_hash', 'stream_prev', 'share_prev', 'part_names', 'part_lengths', 'part_commitments']
                ELSE ARRAY['salt', 'content', 'chunk_lengths', 'splices']
            END LOOP
                EXECUTE format('ALTER TABLE ledger.%I ALTER COLUMN %I SET STATISTICS 0', child, unplanned);
            END LOOP;
            IF parent = 'event' THEN
                EXECUTE format('CREATE UNIQUE INDEX ON ledger.%I (event_id)', child);
                EXECUTE format('CREATE UNIQUE INDEX ON ledger.%I (stream_id, stream_seq)', child);
                EXECUTE format('CREATE UNIQUE INDEX ON ledger.%I (share_id, share_seq) WHERE share_id IS NOT NULL', child);
                -- An agreement's own messages, a handful among the millions of its tickets'.
                EXECUTE format('CREATE INDEX ON ledger.%I (stream_id, position) WHERE share_id IS NULL', child);
                EXECUTE format('CREATE INDEX ON ledger.%I (about) WHERE about IS NOT NULL', child);
                EXECUTE format('CREATE INDEX ON ledger.%I USING brin (recorded_at)', child);
            END IF;
            EXECUTE format(
                'ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%s) TO (%s)',
                parent, child, lower_bound, lower_bound + size);
            EXECUTE format('ALTER TABLE ledger.%I DROP CONSTRAINT bounds', child);
            EXECUTE format(
                'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger.%I
                 FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', child);
            FOR guard IN
                SELECT tgname
                FROM pg_trigger
                WHERE tgrelid = format('ledger.%I', child)::regclass
                    AND tgname LIKE 'refuse_%'
            LOOP
                EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER %I', child, guard.tgname);
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN (upto / size + 2) * size;
END
$$;
COMMENT ON FUNCTION ledger.ensure_partitions IS 'Makes partitions for positions up to the one given and beyond; returns the first position that has none. Raises SL003 far ahead of the ledger';
