-- A stored part as JSON; NULL where it is missing, or no JSON that jsonb can hold. Parts that we write ourselves are, unless
-- somebody has altered them: one such byte must not keep everything else from being read.
CREATE OR REPLACE FUNCTION ledger.json(content bytea) RETURNS jsonb
LANGUAGE plpgsql
STABLE STRICT COST 1
AS $$
BEGIN
    RETURN pg_catalog.convert_from(content, 'UTF8')::pg_catalog.jsonb;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL;
END
$$;
COMMENT ON FUNCTION ledger.json IS 'A stored part as JSON; NULL for what is none';
