-- An agreement as it was at a moment: a row for each member that had a value then.
DROP FUNCTION IF EXISTS audit.as_of_agreement(text, timestamptz);
CREATE FUNCTION audit.as_of_agreement(wanted text, moment timestamptz)
RETURNS TABLE (member text, value text, since timestamptz, "position" bigint, sent_by text)
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (h.member) h.member, h.new, h.recorded_at, h.position, h.sent_by
    FROM audit.agreement_history AS h
    WHERE h.agreement = wanted
        AND h.recorded_at <= moment
    ORDER BY h.member, h.position DESC;
END
$$;
COMMENT ON FUNCTION audit.as_of_agreement IS 'An agreement as it was at a moment: one row for each member that had a value, since when and by which message';
