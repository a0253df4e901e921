-- Deletes one payload row. The payload.erased event that names it must stand in the same transaction, as
-- {"erased":[{"position":N,"part":"NAME"}, …]} in its facts, so that nothing goes without a trace that is committed with it.
-- The guard on ledger.payload demands that; this function runs as the one role that the guard lets through at all.
CREATE OR REPLACE FUNCTION ledger.erase_part(erasure bigint, target bigint, target_part text) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF target_part = 'facts' THEN
        RAISE EXCEPTION 'the part facts is never erased: folds need it and it names nobody' USING ERRCODE = 'SL002';
    END IF;
    IF NOT EXISTS (
        SELECT
        FROM ledger.event AS e
        JOIN ledger.payload AS p ON p.position = e.position AND p.part = 'facts'
        WHERE e.position = erasure
            AND e.type = 'payload.erased'
            AND e.xmin = pg_current_xact_id()::xid
            AND convert_from(p.content, 'UTF8')::jsonb -> 'erased'
                @> jsonb_build_array(jsonb_build_object('position', target, 'part', target_part))
    ) THEN
        RAISE EXCEPTION 'no payload.erased event of this transaction names part % of event %', target_part, target
            USING ERRCODE = 'SL002';
    END IF;
    PERFORM set_config('shareledger.erasure', erasure::text, true);
    DELETE FROM ledger.payload AS p
    WHERE p.position = target
        AND p.part = target_part;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event % has no part %, or no longer', target, target_part USING ERRCODE = 'SL002';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger.erase_part IS 'Deletes one part of an event; demands a payload.erased event of the same transaction that names it';

-- A function's owner must be able to make things in its schema, at the moment in which it becomes the owner only.
GRANT USAGE, CREATE ON SCHEMA ledger TO shareledger_eraser;
ALTER FUNCTION ledger.erase_part(bigint, bigint, text) OWNER TO shareledger_eraser;
REVOKE CREATE ON SCHEMA ledger FROM shareledger_eraser;
