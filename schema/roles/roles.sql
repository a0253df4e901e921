-- Roles of a ShareLedger database. In a private cluster they are made with the cluster; elsewhere somebody who may
-- create roles runs this file once in the database, and gives the first three a way to log in.
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
