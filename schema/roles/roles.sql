-- Roles of a ShareLedger database. In a private cluster they are made with the cluster; elsewhere somebody who may
-- create roles runs this file once in the database, and gives the first three a way to log in.
--
-- Run by a superuser, in a database that is shareledger_owner's, it also takes from PUBLIC what would be in the service's
-- way: advisory locks, among them the ledger's own, and large objects. The owner of a database cannot do that.
--
-- Migrations run it again as shareledger_owner, for whom everything is there already.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT *
        FROM (VALUES
            ('shareledger_owner', 'LOGIN', 'owns the schema; for migrations only'),
            ('shareledger_service', 'LOGIN', 'the running service: inserts into and reads the ledger'),
            ('shareledger_auditor', 'LOGIN', 'people: reads the views of the schema audit, nothing else'),
            ('shareledger_eraser', 'NOLOGIN', 'deletes payload rows inside ledger.erase_part, nothing else')
        ) AS roles (name, login, purpose)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.login);
            EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.name, 'ShareLedger: ' || wanted.purpose);
        END IF;
    END LOOP;
    -- The function ledger.erase_part belongs to the eraser, and only a member can make it that.
    IF NOT pg_has_role('shareledger_owner', 'shareledger_eraser', 'MEMBER') THEN
        GRANT shareledger_eraser TO shareledger_owner WITH ADMIN OPTION;
    END IF;
    IF NOT has_database_privilege('shareledger_owner', current_database(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO shareledger_owner', current_database());
    END IF;
    FOR wanted IN SELECT unnest(ARRAY['shareledger_owner', 'shareledger_service', 'shareledger_auditor']) AS name LOOP
        IF NOT has_database_privilege(wanted.name, current_database(), 'CONNECT') THEN
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), wanted.name);
        END IF;
    END LOOP;
END
$$;

DO $$
DECLARE
    routine record;
BEGIN
    IF NOT (SELECT pg_has_role('shareledger_owner', datdba, 'USAGE') FROM pg_database WHERE datname = current_database())
    THEN
        RETURN;
    END IF;
    FOR routine IN
        SELECT p.oid::regprocedure AS name, p.proname LIKE '%advisory%' AS locks
        FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
            AND (p.proname LIKE 'pg\_%advisory%' OR p.proname LIKE 'lo\_%' OR p.proname IN ('lowrite', 'loread'))
            AND pg_has_role(p.proowner, 'USAGE')
            AND has_function_privilege('public', p.oid, 'EXECUTE')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine.name);
        IF routine.locks THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO shareledger_owner, shareledger_service', routine.name);
        END IF;
    END LOOP;
END
$$;
