-- Every message, either way. Nothing is cast that could raise: facts and detail are JSON of our own making, and of a body
-- it was found when it came in whether jsonb can hold it.
DROP VIEW IF EXISTS audit.message;
CREATE VIEW audit.message AS
SELECT
    e.position,
    e.event_id,
    e.recorded_at,
    e.type,
    e.direction,
    s.agreement,
    sh.ticket,
    coalesce(p.name, d.detail ->> 'partner') AS partner,
    e.status,
    e.type <> 'message.refused' AS accepted,
    d.facts ->> 'by' AS by,
    CASE
        WHEN a.our_role IS NULL OR d.facts ->> 'by' IS NULL THEN NULL
        WHEN d.facts ->> 'by' = a.our_role THEN 'desk'
        ELSE 'partner'
    END AS sent_by,
    b.body -> 'current_actor' ->> 'name' AS actor,
    b.body -> 'current_actor' ->> 'uuid' AS actor_uuid,
    d.facts ->> 'status' AS new_status,
    d.facts -> 'set' AS members,
    d.facts -> 'comments' AS comments,
    d.facts -> 'not_taken' AS not_taken,
    d.facts -> 'disclosed_beyond' AS disclosed_beyond,
    (d.facts ->> 'repeats')::bigint AS repeats,
    coalesce((d.facts ->> 'count')::bigint, 1) AS count,
    d.facts ->> 'error' AS error,
    d.detail ->> 'detail' AS error_detail,
    d.detail ->> 'source' AS source,
    d.detail ->> 'operator' AS operator,
    e.exchange,
    'sent-body' = ANY (e.part_names) AS rewritten,
    b.body,
    CASE
        WHEN array_position(e.part_names, 'body') IS NULL THEN 'none'
        WHEN b.castable IS NULL THEN 'erased'
        WHEN b.castable THEN 'json'
        ELSE 'not json'
    END AS body_form,
    e.part_lengths[array_position(e.part_names, 'body')] AS body_length
FROM ledger.event AS e
JOIN ledger.stream AS s ON s.stream_id = e.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
LEFT JOIN projection.agreement AS a ON a.stream_id = e.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = a.partner_id
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
        ) AS detail
    OFFSET 0
) AS d
LEFT JOIN LATERAL (
    SELECT
        f.castable,
        CASE WHEN f.castable THEN ledger.json(f.content) END AS body
    FROM ledger.payload AS f
    WHERE f.position = e.position
        AND f.part = 'body'
    OFFSET 0
) AS b ON true
WHERE e.type IN (
    'agreement.invited', 'agreement.updated', 'agreement.read',
    'ticket.shared', 'ticket.updated', 'ticket.unshared', 'ticket.read',
    'message.refused', 'message.duplicated'
);

COMMENT ON VIEW audit.message IS 'Every message of the protocol, inbound and outbound, accepted or not, one row each';
COMMENT ON COLUMN audit.message.position IS 'Place in the ledger, without gaps; later is larger';
COMMENT ON COLUMN audit.message.event_id IS 'Identifies the event; also answered to the sender as ShareLedger-Event-Id';
COMMENT ON COLUMN audit.message.recorded_at IS 'When it was recorded, before it was answered; strictly increasing with position';
COMMENT ON COLUMN audit.message.type IS 'What it was: agreement.… or ticket.…, message.refused, or message.duplicated for a repeat';
COMMENT ON COLUMN audit.message.direction IS 'in: from a partner; out: from our own desk to a partner';
COMMENT ON COLUMN audit.message.agreement IS 'Uuid of the agreement; NULL where the sender could not be authenticated';
COMMENT ON COLUMN audit.message.ticket IS 'Uuid of the ticket; NULL for messages about an agreement and for tickets never shared';
COMMENT ON COLUMN audit.message.partner IS 'Name of the partner that the agreement is with, as it is called now; of what was refused before an agreement was known whom it named';
COMMENT ON COLUMN audit.message.status IS 'HTTP status that was answered';
COMMENT ON COLUMN audit.message.accepted IS 'False for a message that was refused: nothing came of it';
COMMENT ON COLUMN audit.message.by IS 'Side of the agreement that sent it: sender (who made the agreement) or receiver';
COMMENT ON COLUMN audit.message.sent_by IS 'The same seen from here: desk or partner';
COMMENT ON COLUMN audit.message.actor IS 'Name of the person who did it, as the message says';
COMMENT ON COLUMN audit.message.actor_uuid IS 'Uuid of that person';
COMMENT ON COLUMN audit.message.new_status IS 'Status that the message said, of the ticket or of the agreement after it';
COMMENT ON COLUMN audit.message.members IS 'Names of the members that the message set; null in a message means that nothing was said';
COMMENT ON COLUMN audit.message.comments IS 'Comments in the message: uuid, public as sent, authored_at';
COMMENT ON COLUMN audit.message.not_taken IS 'Of an inbound message: members that the agreement does not allow and that were not taken over as sent';
COMMENT ON COLUMN audit.message.disclosed_beyond IS 'Of an outbound message: members that were sent though the agreement does not allow them';
COMMENT ON COLUMN audit.message.repeats IS 'Of a repeat: position of the message that it repeats and whose answer it got';
COMMENT ON COLUMN audit.message.count IS 'Messages that the row stands for; more than 1 where refusals were counted and not recorded one by one';
COMMENT ON COLUMN audit.message.error IS 'Why it was refused, as a word for programs';
COMMENT ON COLUMN audit.message.error_detail IS 'Why it was refused, in a sentence';
COMMENT ON COLUMN audit.message.source IS 'Network address that it came from';
COMMENT ON COLUMN audit.message.operator IS 'Who gave the command, where it was no help desk that sent it';
COMMENT ON COLUMN audit.message.exchange IS 'The HTTP exchange; events with the same one belong together';
COMMENT ON COLUMN audit.message.rewritten IS 'Whether it was sent on with other base URLs than it came with; nothing else is ever changed';
COMMENT ON COLUMN audit.message.body IS 'Body where jsonb can hold it, with [secret] for credentials; see body_form where it is NULL';
COMMENT ON COLUMN audit.message.body_form IS 'json; none: there was no body; not json: nothing that jsonb can hold; erased: deleted since, with an event payload.erased';
COMMENT ON COLUMN audit.message.body_length IS 'Length of the stored body in bytes';
