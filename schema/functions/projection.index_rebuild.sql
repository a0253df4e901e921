-- Gives one table of a rebuild the indexes and keys that its live like has, under the same names.
CREATE OR REPLACE FUNCTION projection.index_rebuild(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    live CONSTANT regclass := format('projection.%I', name)::regclass;
    made record;
BEGIN
    FOR made IN
        SELECT conname, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE conrelid = live
            AND contype IN ('p', 'u')
    LOOP
        EXECUTE format('ALTER TABLE projection_new.%I ADD CONSTRAINT %I %s', name, made.conname, made.definition);
    END LOOP;
    FOR made IN
        SELECT pg_get_indexdef(i.indexrelid) AS definition
        FROM pg_index AS i
        WHERE i.indrelid = live
            AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
    LOOP
        EXECUTE replace(
            made.definition, format(' ON projection.%I ', name), format(' ON projection_new.%I ', name));
    END LOOP;
    EXECUTE format('ANALYZE projection_new.%I', name);
END
$$;
COMMENT ON FUNCTION projection.index_rebuild IS 'Gives one table of a rebuild the indexes and keys of the live one';
