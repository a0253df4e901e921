-- Agreements as they stand, with whom, and how much is shared under each.
DROP VIEW IF EXISTS audit.agreement;
CREATE VIEW audit.agreement AS
SELECT
    a.agreement,
    p.name AS partner,
    p.base_url AS partner_url,
    a.our_role,
    a.status,
    a.deactivated_by,
    a.name,
    a.sender_url,
    a.receiver_url,
    a.sync_tags,
    a.sync_custom_fields,
    a.allows_public_comments,
    f.recorded_at AS invited_at,
    a.last_recorded_at AS last_changed_at,
    a.first_position,
    a.last_position,
    a.key_version,
    a.acknowledged_key_version,
    coalesce(t.tickets, 0) AS tickets,
    coalesce(t.shared_now, 0) AS shared_now
FROM projection.agreement AS a
JOIN projection.partner AS p ON p.partner_id = a.partner_id
LEFT JOIN ledger.event AS f ON f.position = a.first_position
LEFT JOIN LATERAL (
    SELECT
        count(*) AS tickets,
        count(*) FILTER (WHERE t.shared) AS shared_now
    FROM ledger.share AS sh
    LEFT JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
    WHERE sh.stream_id = a.stream_id
) AS t ON true;

COMMENT ON VIEW audit.agreement IS 'Agreements as they stand: with whom, what they allow, how many tickets are shared under each';
COMMENT ON COLUMN audit.agreement.agreement IS 'Uuid of the agreement';
COMMENT ON COLUMN audit.agreement.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.agreement.partner_url IS 'Base URL of the partner, as it is now';
COMMENT ON COLUMN audit.agreement.our_role IS 'sender: we invited, and share tickets with the partner; receiver: the partner did';
COMMENT ON COLUMN audit.agreement.status IS 'pending, accepted, declined or inactive: only under an accepted one anything goes over';
COMMENT ON COLUMN audit.agreement.deactivated_by IS 'sender or receiver, of an inactive one, where that was said';
COMMENT ON COLUMN audit.agreement.name IS 'Name that the inviting side gave it';
COMMENT ON COLUMN audit.agreement.sender_url IS 'Base URL of the sender as it stands in the agreement';
COMMENT ON COLUMN audit.agreement.receiver_url IS 'Base URL of the receiver as it stands in the agreement';
COMMENT ON COLUMN audit.agreement.sync_tags IS 'Whether tags may go over';
COMMENT ON COLUMN audit.agreement.sync_custom_fields IS 'Whether custom fields may go over';
COMMENT ON COLUMN audit.agreement.allows_public_comments IS 'Whether comments may be public';
COMMENT ON COLUMN audit.agreement.invited_at IS 'When the invitation was recorded';
COMMENT ON COLUMN audit.agreement.last_changed_at IS 'When its last own message was recorded';
COMMENT ON COLUMN audit.agreement.first_position IS 'Position of the invitation; see audit.message';
COMMENT ON COLUMN audit.agreement.last_position IS 'Position of its last own message';
COMMENT ON COLUMN audit.agreement.key_version IS 'How many access keys it has had';
COMMENT ON COLUMN audit.agreement.acknowledged_key_version IS 'The version of the access key that the other side has acknowledged';
COMMENT ON COLUMN audit.agreement.tickets IS 'Tickets that were ever shared under it';
COMMENT ON COLUMN audit.agreement.shared_now IS 'Those of them that are shared now';
