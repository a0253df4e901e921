-- Tickets as they stand at our side. They follow the ledger in order of position; audit.progress says how far they are.
DROP VIEW IF EXISTS audit.ticket;
CREATE VIEW audit.ticket AS
SELECT
    g.agreement,
    sh.ticket,
    p.name AS partner,
    g.our_role,
    g.status AS agreement_status,
    t.shared AS shared_now,
    t.subject,
    t.status,
    t.custom_status,
    t.original_id,
    t.requester_name AS requester,
    t.requester_uuid,
    t.requested_at,
    t.tags,
    ledger.json(convert_to(t.state::text, 'UTF8')) -> 'custom_fields' AS custom_fields,
    t.comment_count AS comments,
    t.public_comment_count AS public_comments,
    t.erased AS erased_members,
    t.last_position,
    l.recorded_at AS last_changed_at
FROM projection.ticket AS t
JOIN ledger.share AS sh ON sh.share_id = t.share_id
JOIN projection.agreement AS g ON g.stream_id = sh.stream_id
JOIN projection.partner AS p ON p.partner_id = g.partner_id
LEFT JOIN ledger.event AS l ON l.position = t.last_position;

COMMENT ON VIEW audit.ticket IS 'Tickets as they stand at our side: one row a share';
COMMENT ON COLUMN audit.ticket.agreement IS 'Uuid of the agreement that it is shared under';
COMMENT ON COLUMN audit.ticket.ticket IS 'Uuid of the ticket; one row for each agreement that it is shared under';
COMMENT ON COLUMN audit.ticket.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.ticket.our_role IS 'sender: we share it with the partner; receiver: the partner shares it with us';
COMMENT ON COLUMN audit.ticket.agreement_status IS 'Status of the agreement now';
COMMENT ON COLUMN audit.ticket.shared_now IS 'False once it was unshared; the other side keeps what it has';
COMMENT ON COLUMN audit.ticket.subject IS 'Subject; NULL where none was said, or it is erased';
COMMENT ON COLUMN audit.ticket.status IS 'Status as the protocol names it';
COMMENT ON COLUMN audit.ticket.custom_status IS 'Status as the desk names it';
COMMENT ON COLUMN audit.ticket.original_id IS 'Number of the ticket in the system that it comes from';
COMMENT ON COLUMN audit.ticket.requester IS 'Name of the requester';
COMMENT ON COLUMN audit.ticket.requester_uuid IS 'Uuid of the requester';
COMMENT ON COLUMN audit.ticket.requested_at IS 'When it was requested, as was said';
COMMENT ON COLUMN audit.ticket.tags IS 'Tags, in the order in which they were said';
COMMENT ON COLUMN audit.ticket.custom_fields IS 'Custom fields; NULL where there are none, or jsonb cannot hold them';
COMMENT ON COLUMN audit.ticket.comments IS 'Comments, public or private; see audit.comment';
COMMENT ON COLUMN audit.ticket.public_comments IS 'Public ones of them';
COMMENT ON COLUMN audit.ticket.erased_members IS 'Members that were said, but whose bytes are erased';
COMMENT ON COLUMN audit.ticket.last_position IS 'Position of the last message about it that is in this row';
COMMENT ON COLUMN audit.ticket.last_changed_at IS 'When that message was recorded';
