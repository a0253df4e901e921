-- Guards that hold for every role, the owner included, until the owner removes them by DDL.

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the ledger is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'SL001', HINT = 'Record a new event instead.';
END
$$;
COMMENT ON FUNCTION ledger.refuse_change IS 'Trigger: raises SL001 whatever the change';

-- It is the trigger that demands the trace, and not only the function that is meant to be called: whoever becomes the
-- eraser by other ways is held to the same. The setting only says where to look.
CREATE FUNCTION ledger.refuse_payload_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    erasure bigint;
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'shareledger_eraser' AND OLD.part <> 'facts' THEN
        erasure := nullif(current_setting('shareledger.erasure', true), '')::bigint;
        IF EXISTS (
            SELECT
            FROM ledger.event AS e
            JOIN ledger.payload AS p ON p.position = e.position AND p.part = 'facts'
            WHERE e.position = erasure
                AND e.type = 'payload.erased'
                AND e.xmin = pg_current_xact_id()::xid
                AND convert_from(p.content, 'UTF8')::jsonb -> 'erased'
                    @> jsonb_build_array(jsonb_build_object('position', OLD.position, 'part', OLD.part))
        ) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% on %.% is refused: the ledger is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'SL001', HINT = 'Parts are erased through ledger.erase_part, after a payload.erased event.';
END
$$;
COMMENT ON FUNCTION ledger.refuse_payload_change IS 'Trigger: raises SL001, except for a DELETE that ledger.erase_part may do';

DO $$
DECLARE
    guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['epoch', 'stream', 'share', 'event', 'access_key'] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON ledger.%I
             FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()', guarded);
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER refuse_change', guarded);
    END LOOP;
    FOREACH guarded IN ARRAY ARRAY['epoch', 'stream', 'share', 'event', 'access_key', 'payload'] LOOP
        EXECUTE format(
            'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger.%I
             FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', guarded);
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER refuse_truncate', guarded);
    END LOOP;
END
$$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON ledger.payload
FOR EACH ROW EXECUTE FUNCTION ledger.refuse_payload_change();
ALTER TABLE ledger.payload ENABLE ALWAYS TRIGGER refuse_change;
