-- Puts the tables of a rebuild in the place of the live ones, with their privileges, and points the views that read them to
-- the new ones: a view knows its tables by identity, not by name. All in the caller's transaction; readers wait for its end.
CREATE OR REPLACE FUNCTION projection.swap_rebuild() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
    names CONSTANT text[] := ARRAY['ticket', 'comment', 'unfolded'];
    name text;
    granted record;
    shown record;
    statements text[] := ARRAY[]::text[];
    statement text;
BEGIN
    LOCK TABLE projection.ticket, projection.comment, projection.unfolded IN ACCESS EXCLUSIVE MODE;
    FOR granted IN
        SELECT c.relname, a.privilege_type, a.is_grantable, NULL::name AS attname,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
        FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'projection'::regnamespace
            AND c.relname = ANY (names)
            AND a.grantee <> c.relowner
        UNION ALL
        SELECT c.relname, a.privilege_type, a.is_grantable, t.attname,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class AS c
        JOIN pg_attribute AS t ON t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
        CROSS JOIN LATERAL aclexplode(t.attacl) AS a
        WHERE c.relnamespace = 'projection'::regnamespace
            AND c.relname = ANY (names)
            AND a.grantee <> c.relowner
    LOOP
        statements := statements || format(
            'GRANT %s %s ON projection.%I TO %s%s',
            granted.privilege_type,
            CASE WHEN granted.attname IS NULL THEN '' ELSE format('(%I)', granted.attname) END,
            granted.relname,
            granted.grantee,
            CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    FOR shown IN
        SELECT DISTINCT v.oid,
            v.oid::regclass AS view,
            coalesce(' WITH (' || array_to_string(v.reloptions, ', ') || ')', '') AS options,
            pg_get_viewdef(v.oid) AS definition
        FROM pg_depend AS d
        JOIN pg_rewrite AS r ON r.oid = d.objid
        JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
        WHERE d.classid = 'pg_rewrite'::regclass
            AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid IN (
                'projection.ticket'::regclass, 'projection.comment'::regclass, 'projection.unfolded'::regclass)
    LOOP
        statements := statements
            || format('CREATE OR REPLACE VIEW %s%s AS %s', shown.view, shown.options, shown.definition);
    END LOOP;
    CREATE SCHEMA projection_old;
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('ALTER TABLE projection.%I SET SCHEMA projection_old', name);
        EXECUTE format('ALTER TABLE projection_new.%I SET SCHEMA projection', name);
    END LOOP;
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
    UPDATE projection.follower AS f
    SET next_position = n.next_position
    FROM projection_new.follower AS n
    WHERE n.name = f.name;
    -- Not CASCADE: whatever else depends on the old tables would be lost, and so stops the swap.
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('DROP TABLE projection_old.%I', name);
    END LOOP;
    DROP SCHEMA projection_old;
    DROP SCHEMA projection_new CASCADE;
END
$$;
COMMENT ON FUNCTION projection.swap_rebuild IS 'Puts the tables of a rebuild in the place of the live ones, in the caller''s transaction';
