-- A ticket as it was at a moment: a row for each member that had a value then. Comments are in audit.comment.
DROP FUNCTION IF EXISTS audit.as_of_ticket(text, text, timestamptz);
CREATE FUNCTION audit.as_of_ticket(wanted_agreement text, wanted_ticket text, moment timestamptz)
RETURNS TABLE (member text, value jsonb, since timestamptz, "position" bigint, sent_by text, known boolean)
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT ON (h.member) h.member, h.new, h.recorded_at, h.position, h.sent_by, h.known
    FROM audit.ticket_history AS h
    WHERE h.agreement = wanted_agreement
        AND h.ticket = wanted_ticket
        AND h.recorded_at <= moment
        AND h.taken
    ORDER BY h.member, h.position DESC;
END
$$;
COMMENT ON FUNCTION audit.as_of_ticket IS 'A ticket as it was at a moment: one row for each member that had a value, since when and by which message';
