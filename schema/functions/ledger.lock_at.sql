-- Takes the ledger's lock, and fails unless its last event is the one at `head`, recorded at `recorded`, and
-- projection.inline_version is `inline`: whoever has decided on what was true then may write. A serialization failure, so that
-- the same is decided again.
--
-- Each statement of the function has a snapshot of its own, so that the second sees what was committed during the wait. It
-- runs in every transaction and as its caller, so it sets no search_path, which takes longer than the rest; names are whole.
DROP FUNCTION IF EXISTS ledger.lock_at(bigint, bigint, bigint);
CREATE OR REPLACE FUNCTION ledger.lock_at(lock_key bigint, head bigint, recorded timestamptz, inline bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(lock_key);
    PERFORM
    FROM projection.inline_version AS v
    WHERE v.version = inline
        AND (head, recorded) = (SELECT e.position, e.recorded_at FROM ledger.event AS e ORDER BY e.position DESC LIMIT 1);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the ledger has gone on from position %', head
            USING ERRCODE = 'serialization_failure', HINT = 'Read what has changed, and decide again.';
    END IF;
END
$$;
COMMENT ON FUNCTION ledger.lock_at IS 'Takes the ledger''s lock; raises 40001 unless nothing was appended or mended since';
