-- PostgreSQL reads and plans every CHECK anew in each INSERT: many small ones took longer than the row. A function is planned
-- once a session.
CREATE FUNCTION ledger.is_sound(
    "position" bigint,
    stream_seq bigint,
    stream_prev bytea,
    share_id bigint,
    share_seq bigint,
    share_prev bytea,
    attempt integer,
    status integer,
    format smallint,
    direction text,
    leaf_hash bytea,
    part_names text[],
    part_lengths bigint[],
    part_commitments bytea[]
) RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
AS $$
BEGIN
    RETURN "position" >= 0
        AND stream_seq >= 0
        AND (stream_seq = 0) = (stream_prev IS NULL)
        AND (stream_prev IS NULL OR octet_length(stream_prev) = 32)
        AND (share_id IS NULL) = (share_seq IS NULL)
        AND (share_prev IS NULL OR share_id IS NOT NULL)
        AND (share_seq IS NULL OR share_seq >= 0 AND (share_seq = 0) = (share_prev IS NULL))
        AND (share_prev IS NULL OR octet_length(share_prev) = 32)
        AND (attempt IS NULL OR attempt > 0)
        AND (status IS NULL OR status BETWEEN 100 AND 999)
        AND format > 0
        AND (direction IS NULL OR direction IN ('in', 'out'))
        AND octet_length(leaf_hash) = 32
        AND cardinality(part_names) > 0
        AND cardinality(part_lengths) = cardinality(part_names)
        AND cardinality(part_commitments) = cardinality(part_names);
END
$$;
COMMENT ON FUNCTION ledger.is_sound IS 'Whether the columns of an event fit each other';

DO $$
DECLARE
    replaced record;
BEGIN
    FOR replaced IN
        SELECT conname
        FROM pg_constraint
        WHERE conrelid = 'ledger.event'::regclass
            AND contype = 'c'
    LOOP
        EXECUTE format('ALTER TABLE ledger.event DROP CONSTRAINT %I', replaced.conname);
    END LOOP;
END
$$;

ALTER TABLE ledger.event ADD CONSTRAINT event_is_sound CHECK (
    ledger.is_sound(
        "position", stream_seq, stream_prev, share_id, share_seq, share_prev, attempt, status, format, direction, leaf_hash,
        part_names, part_lengths, part_commitments));
