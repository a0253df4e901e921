-- How agreements came to stand as they do: a row for each member that a message changed.
--
-- Status and permissions are read from the facts, which are never erased; names and URLs from the body.
DROP VIEW IF EXISTS audit.agreement_history;
CREATE VIEW audit.agreement_history AS
SELECT
    h.agreement,
    h.partner,
    h.position,
    h.event_id,
    h.recorded_at,
    h.direction,
    h.sent_by,
    h.operator,
    h.member,
    h.old,
    h.new
FROM (
    SELECT
        s.agreement,
        p.name AS partner,
        e.position,
        e.event_id,
        e.recorded_at,
        e.direction,
        CASE WHEN d.facts ->> 'by' = a.our_role THEN 'desk' ELSE 'partner' END AS sent_by,
        d.detail ->> 'operator' AS operator,
        v.member,
        lag(v.value) OVER (PARTITION BY s.agreement, v.member ORDER BY e.position) AS old,
        v.value AS new
    FROM ledger.event AS e
    JOIN ledger.stream AS s ON s.stream_id = e.stream_id
    JOIN projection.agreement AS a ON a.stream_id = e.stream_id
    JOIN projection.partner AS p ON p.partner_id = a.partner_id
    CROSS JOIN LATERAL (
        SELECT
            (
                SELECT ledger.json(f.content)
                FROM ledger.payload AS f
                WHERE f.position = e.position
                    AND f.part = 'facts'
            ) AS facts,
            (
                SELECT ledger.json(f.content)
                FROM ledger.payload AS f
                WHERE f.position = e.position
                    AND f.part = 'detail'
            ) AS detail,
            (
                SELECT ledger.json(f.content)
                FROM ledger.payload AS f
                WHERE f.position = e.position
                    AND f.part = 'body'
                    AND f.castable
            ) AS body
        OFFSET 0
    ) AS d
    CROSS JOIN LATERAL (
        VALUES
            ('status', d.facts ->> 'status'),
            ('name', d.body ->> 'name'),
            ('sender_url', d.body ->> 'sender_url'),
            ('receiver_url', d.body ->> 'receiver_url'),
            ('sync_tags', d.facts -> 'permissions' ->> 'sync_tags'),
            ('sync_custom_fields', d.facts -> 'permissions' ->> 'sync_custom_fields'),
            ('allows_public_comments', d.facts -> 'permissions' ->> 'allows_public_comments'),
            ('access_key', 'version ' || (d.facts ->> 'access_key_version'))
    ) AS v (member, value)
    WHERE e.type IN ('agreement.invited', 'agreement.updated')
        AND v.value IS NOT NULL
) AS h
WHERE h.old IS DISTINCT FROM h.new;

COMMENT ON VIEW audit.agreement_history IS 'How agreements came to stand as they do: one row for each member that a message changed';
COMMENT ON COLUMN audit.agreement_history.agreement IS 'Uuid of the agreement';
COMMENT ON COLUMN audit.agreement_history.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.agreement_history.position IS 'Position of the message that changed it; see audit.message';
COMMENT ON COLUMN audit.agreement_history.event_id IS 'Event id of that message';
COMMENT ON COLUMN audit.agreement_history.recorded_at IS 'When that message was recorded';
COMMENT ON COLUMN audit.agreement_history.direction IS 'in: it came from the partner; out: it went to the partner';
COMMENT ON COLUMN audit.agreement_history.sent_by IS 'desk or partner: who said it';
COMMENT ON COLUMN audit.agreement_history.operator IS 'Who of ours gave the order, where it was given by a command';
COMMENT ON COLUMN audit.agreement_history.member IS 'What changed: status, name, a URL, a permission, or access_key';
COMMENT ON COLUMN audit.agreement_history.old IS 'Value until then; NULL where it had none, or its bytes are erased';
COMMENT ON COLUMN audit.agreement_history.new IS 'Value from then on; of the access key the version';
