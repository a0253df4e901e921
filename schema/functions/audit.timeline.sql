-- The story of a share: every event of it in order, in a few words. The share is named as commands name it: AGREEMENT/TICKET.
DROP FUNCTION IF EXISTS audit.timeline(text);
CREATE FUNCTION audit.timeline(share text)
RETURNS TABLE ("position" bigint, recorded_at timestamptz, what text, who text, about bigint, detail text)
LANGUAGE plpgsql
STABLE
AS $$
BEGIN
    RETURN QUERY
    SELECT m.position, m.recorded_at,
        m.type || CASE WHEN m.accepted THEN '' ELSE ': ' || coalesce(m.error, '') END,
        coalesce(m.sent_by, CASE m.direction WHEN 'out' THEN 'desk' ELSE 'partner' END),
        m.repeats,
        concat_ws(
            ', ',
            (SELECT string_agg(n.name, ' ') FROM jsonb_array_elements_text(m.members) AS n (name) WHERE n.name <> 'comments'),
            'status ' || m.new_status,
            jsonb_array_length(m.comments) || ' comments',
            m.error_detail
        )
    FROM audit.message AS m
    WHERE m.agreement = split_part(share, '/', 1)
        AND m.ticket = split_part(share, '/', 2)
    UNION ALL
    SELECT t.position, t.begun_at, concat('attempt ', t.attempt, ' to the ', t.destination, ': ', t.outcome),
        t.address, t.message_position, concat_ws(', ', t.status, t.reason)
    FROM audit.attempt AS t
    WHERE t.agreement = split_part(share, '/', 1)
        AND t.ticket = split_part(share, '/', 2)
    UNION ALL
    SELECT o.position, o.recorded_at, o.operation, o.operator, o.about_position, o.reason
    FROM audit.operation AS o
    WHERE o.agreement = split_part(share, '/', 1)
        AND o.ticket = split_part(share, '/', 2)
    ORDER BY 1;
END
$$;
COMMENT ON FUNCTION audit.timeline IS 'The story of a share, AGREEMENT/TICKET: messages, attempts and operators'' acts in order';
