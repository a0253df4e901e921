-- What each role may do, from nothing upwards.
REVOKE ALL ON SCHEMA ledger, projection, delivery, audit FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger, projection, delivery, audit FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger, projection, delivery, audit
FROM PUBLIC, shareledger_service, shareledger_auditor, shareledger_eraser;

GRANT USAGE ON SCHEMA ledger, projection, delivery, audit TO shareledger_service;
GRANT SELECT, INSERT ON ledger.stream, ledger.share, ledger.epoch, ledger.event, ledger.payload, ledger.access_key
TO shareledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.idempotency_key TO shareledger_service;
GRANT SELECT ON ledger.migration TO shareledger_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projection, delivery TO shareledger_service;
GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA delivery TO shareledger_service;
GRANT EXECUTE ON FUNCTION ledger.ensure_partitions(bigint) TO shareledger_service;
GRANT EXECUTE ON FUNCTION ledger.lock_at(bigint, bigint, timestamptz, bigint) TO shareledger_service;
GRANT EXECUTE ON FUNCTION ledger.is_sound(
    bigint, bigint, bytea, bigint, bigint, bytea, integer, integer, smallint, text, bytea, text[], bigint[], bytea[])
TO shareledger_service;
GRANT EXECUTE ON FUNCTION ledger.json(bytea) TO shareledger_service, shareledger_auditor;
GRANT EXECUTE ON FUNCTION ledger.erase_part(bigint, bigint, text) TO shareledger_service;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA delivery TO shareledger_service;
GRANT SELECT ON ALL TABLES IN SCHEMA audit TO shareledger_service;

GRANT USAGE ON SCHEMA audit TO shareledger_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA audit TO shareledger_auditor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA audit TO shareledger_auditor, shareledger_service;

GRANT USAGE ON SCHEMA ledger TO shareledger_eraser;
GRANT SELECT ON ledger.event TO shareledger_eraser;
GRANT SELECT, DELETE ON ledger.payload TO shareledger_eraser;

-- Nobody needs tables of his own, and nobody else a session, in which he could take the ledger's lock; where the database is somebody else's, that is for him to say.
DO $$
BEGIN
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format(
            'GRANT CONNECT ON DATABASE %I TO shareledger_owner, shareledger_service, shareledger_auditor',
            current_database());
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
END
$$;
