-- What changed in tickets: a row for each member that a message says anew.
--
-- Comments are in audit.comment. What the agreement did not allow at that time is there, but not taken, whoever said it: what was
-- there before stands. Where a body is erased, or jsonb cannot hold it, the value is unknown; that the member was said is known
-- all the same. Members that the protocol does not know are not here.
DROP VIEW IF EXISTS audit.ticket_history;
CREATE VIEW audit.ticket_history AS
SELECT
    h.agreement,
    h.ticket,
    h.partner,
    h.position,
    h.event_id,
    h.recorded_at,
    h.sent_by,
    h.actor,
    h.actor_uuid,
    h.member,
    h.old,
    h.value AS new,
    h.taken,
    h.known
FROM (
    SELECT
        f.*,
        CASE
            WHEN f.taken
                THEN lag(f.in_force) OVER (PARTITION BY f.agreement, f.ticket, f.member ORDER BY f.position)
            ELSE f.in_force
        END AS old
    FROM (
        -- Each message that is taken begins a stretch in which its value is in force.
        SELECT
            r.*,
            CASE
                WHEN r.stretch > 0 THEN first_value(r.value) OVER (
                    PARTITION BY r.agreement, r.ticket, r.member, r.stretch
                    ORDER BY r.position
                )
            END AS in_force
        FROM (
            SELECT
                m.*,
                count(*) FILTER (WHERE m.taken) OVER (
                    PARTITION BY m.agreement, m.ticket, m.member
                    ORDER BY m.position
                ) AS stretch
            FROM (
                SELECT
                    s.agreement,
                    sh.ticket,
                    p.name AS partner,
                    e.position,
                    e.event_id,
                    e.recorded_at,
                    CASE e.direction WHEN 'in' THEN 'partner' ELSE 'desk' END AS sent_by,
                    d.body -> 'current_actor' ->> 'name' AS actor,
                    d.body -> 'current_actor' ->> 'uuid' AS actor_uuid,
                    n.member,
                    d.body -> n.member AS value,
                    d.body IS NOT NULL AS known,
                    CASE
                        WHEN n.member = 'tags' THEN coalesce((d.facts -> 'permissions' -> 'sync_tags') <> 'false', true)
                        WHEN n.member = 'custom_fields'
                            THEN coalesce((d.facts -> 'permissions' -> 'sync_custom_fields') <> 'false', true)
                        WHEN n.member IN ('status', 'custom_status') AND d.facts ->> 'by' = 'receiver'
                            THEN coalesce((d.facts -> 'permissions' -> 'allows_public_comments') <> 'false', true)
                        ELSE true
                    END AS taken
                FROM ledger.event AS e
                JOIN ledger.stream AS s ON s.stream_id = e.stream_id
                JOIN ledger.share AS sh ON sh.share_id = e.share_id
                LEFT JOIN projection.agreement AS g ON g.stream_id = e.stream_id
                LEFT JOIN projection.partner AS p ON p.partner_id = g.partner_id
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
                                AND f.part = 'body'
                                AND f.castable
                        ) AS body
                    OFFSET 0
                ) AS d
                CROSS JOIN LATERAL jsonb_array_elements_text(
                    CASE jsonb_typeof(d.facts -> 'set') WHEN 'array' THEN d.facts -> 'set' END
                ) AS n (member)
                WHERE e.type IN ('ticket.shared', 'ticket.updated')
                    AND n.member NOT IN ('uuid', 'comments', 'current_actor')
                UNION ALL
                SELECT
                    s.agreement,
                    sh.ticket,
                    p.name,
                    e.position,
                    e.event_id,
                    e.recorded_at,
                    CASE e.direction WHEN 'in' THEN 'partner' ELSE 'desk' END,
                    NULL,
                    NULL,
                    'shared',
                    to_jsonb(e.type <> 'ticket.unshared'),
                    true,
                    true
                FROM ledger.event AS e
                JOIN ledger.stream AS s ON s.stream_id = e.stream_id
                JOIN ledger.share AS sh ON sh.share_id = e.share_id
                LEFT JOIN projection.agreement AS g ON g.stream_id = e.stream_id
                LEFT JOIN projection.partner AS p ON p.partner_id = g.partner_id
                WHERE e.type IN ('ticket.shared', 'ticket.unshared')
            ) AS m
        ) AS r
    ) AS f
) AS h
WHERE h.value IS DISTINCT FROM h.old
    OR NOT h.taken
    OR NOT h.known;

COMMENT ON VIEW audit.ticket_history IS 'What changed in tickets: one row for each member that a message says anew';
COMMENT ON COLUMN audit.ticket_history.agreement IS 'Uuid of the agreement that it is shared under';
COMMENT ON COLUMN audit.ticket_history.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.ticket_history.partner IS 'Name of the partner at the other end, as it is called now';
COMMENT ON COLUMN audit.ticket_history.position IS 'Position of the message that changed it; see audit.message';
COMMENT ON COLUMN audit.ticket_history.event_id IS 'Event id of that message';
COMMENT ON COLUMN audit.ticket_history.recorded_at IS 'When that message was recorded';
COMMENT ON COLUMN audit.ticket_history.sent_by IS 'desk or partner: who said it';
COMMENT ON COLUMN audit.ticket_history.actor IS 'Name of the person who changed it, where the message says so';
COMMENT ON COLUMN audit.ticket_history.actor_uuid IS 'Uuid of that person';
COMMENT ON COLUMN audit.ticket_history.member IS 'What changed: subject, status, tags, custom_fields, …, or shared';
COMMENT ON COLUMN audit.ticket_history.old IS 'Value that was in force until then, as JSON; NULL where none was, or it is not known';
COMMENT ON COLUMN audit.ticket_history.new IS 'Value that was said, as JSON; NULL where it is not known';
COMMENT ON COLUMN audit.ticket_history.taken IS 'False where the agreement did not allow it: the old value stands';
COMMENT ON COLUMN audit.ticket_history.known IS 'False where the values are erased, or jsonb cannot hold the message';
