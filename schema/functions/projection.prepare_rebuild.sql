-- Makes empty copies of the following projections in the schema projection_new, for a rebuild to fill; what an earlier one
-- left behind goes. Indexes come last, by projection.index_rebuild.
CREATE OR REPLACE FUNCTION projection.prepare_rebuild() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
    copied record;
BEGIN
    DROP SCHEMA IF EXISTS projection_new CASCADE;
    CREATE SCHEMA projection_new;
    COMMENT ON SCHEMA projection_new IS 'Projections that a rebuild is putting together; gone when it has ended';
    FOR copied IN
        SELECT c.relname AS name,
            'WITH (' || array_to_string(c.reloptions, ', ') || ')' AS options,
            obj_description(c.oid, 'pg_class') AS remark
        FROM pg_class AS c
        WHERE c.oid IN (
            'projection.ticket'::regclass,
            'projection.comment'::regclass,
            'projection.unfolded'::regclass,
            'projection.ticket_head'::regclass,
            'projection.follower'::regclass
        )
    LOOP
        EXECUTE format(
            'CREATE TABLE projection_new.%I (LIKE projection.%I INCLUDING ALL EXCLUDING INDEXES) %s',
            copied.name, copied.name, coalesce(copied.options, ''));
        EXECUTE format('COMMENT ON TABLE projection_new.%I IS %L', copied.name, copied.remark);
    END LOOP;
    FOR copied IN
        SELECT c.relname AS name, a.attname, a.attstattarget
        FROM pg_class AS c
        JOIN pg_class AS live ON live.relname = c.relname AND live.relnamespace = 'projection'::regnamespace
        JOIN pg_attribute AS a ON a.attrelid = live.oid AND a.attnum > 0 AND a.attstattarget >= 0
        WHERE c.relnamespace = 'projection_new'::regnamespace
            AND c.relkind = 'r'
            AND NOT a.attisdropped
    LOOP
        EXECUTE format(
            'ALTER TABLE projection_new.%I ALTER COLUMN %I SET STATISTICS %s',
            copied.name, copied.attname, copied.attstattarget);
    END LOOP;
    INSERT INTO projection_new.follower (name, next_position) VALUES ('ticket', 0);
END
$$;
COMMENT ON FUNCTION projection.prepare_rebuild IS 'Makes empty copies of the following projections for a rebuild to fill';
