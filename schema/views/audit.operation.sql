-- What operators did: every event that somebody gave an order for, with who and why.
--
-- What an operator did to an agreement went as a message; audit.message has it with the operator beside it, and it is here
-- as well, so that this view alone says what people did.
DROP VIEW IF EXISTS audit.operation;
CREATE VIEW audit.operation AS
SELECT
    e.position,
    e.event_id,
    e.recorded_at,
    CASE
        WHEN e.type = 'partner.state_changed' AND (d.facts ->> 'paused')::boolean THEN 'partner pause'
        WHEN e.type = 'partner.state_changed' THEN 'partner resume'
        WHEN e.type = 'partner.added' THEN 'partner add'
        WHEN e.type = 'partner.changed' AND d.detail ->> 'old_name' LIKE 'proposed-%' THEN 'partner accept'
        WHEN e.type = 'partner.changed' THEN 'partner set'
        WHEN e.type = 'delivery.resumed' THEN 'delivery retry'
        WHEN e.type = 'delivery.skipped' THEN 'delivery skip'
        WHEN e.type = 'replay.requested' THEN 'replay'
        WHEN e.type = 'replay.paused' THEN 'replay pause'
        WHEN e.type = 'replay.resumed' THEN 'replay resume'
        WHEN e.type = 'replay.cancelled' THEN 'replay cancel'
        WHEN e.type = 'ledger.exported' THEN 'export'
        WHEN e.type = 'payload.read' THEN 'payload read'
        WHEN e.type = 'payload.erased' THEN 'payload erase'
        WHEN e.type = 'agreement.invited' THEN 'agreement invite'
        WHEN e.type = 'agreement.updated' THEN 'agreement ' || coalesce(d.facts ->> 'status', 'change')
        ELSE e.type
    END AS operation,
    e.type,
    d.detail ->> 'operator' AS operator,
    d.detail ->> 'reason' AS reason,
    coalesce(p.name, d.detail ->> 'partner') AS partner,
    coalesce(s.agreement, d.facts ->> 'agreement') AS agreement,
    coalesce(sh.ticket, d.facts ->> 'ticket') AS ticket,
    coalesce(
        m.position,
        CASE
            WHEN e.type IN ('payload.read', 'delivery.skipped', 'delivery.resumed')
                THEN coalesce(d.facts ->> 'position', d.facts ->> 'message')::bigint
            WHEN e.type IN ('replay.paused', 'replay.resumed', 'replay.cancelled') THEN (d.facts ->> 'replay')::bigint
        END
    ) AS about_position,
    d.facts ->> 'part' AS part,
    CASE WHEN e.type IN ('partner.added', 'partner.changed') THEN d.detail ->> 'url' END AS partner_url,
    CASE WHEN e.type = 'partner.changed' THEN d.detail ->> 'old_url' END AS old_partner_url,
    d.facts - 'v' AS facts
FROM ledger.event AS e
JOIN ledger.stream AS s ON s.stream_id = e.stream_id
LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
LEFT JOIN ledger.event AS m ON m.event_id = e.about
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
LEFT JOIN projection.agreement AS a ON a.stream_id = e.stream_id
LEFT JOIN projection.partner AS p ON p.partner_id = coalesce(
    a.partner_id,
    CASE
        WHEN e.type = 'partner.added' THEN e.position
        WHEN e.type IN ('partner.changed', 'partner.state_changed') THEN (d.facts ->> 'partner')::bigint
    END
)
WHERE e.type IN (
    'partner.added', 'partner.changed', 'partner.state_changed',
    'delivery.resumed', 'delivery.skipped', 'replay.requested', 'replay.paused', 'replay.resumed', 'replay.cancelled',
    'payload.read', 'payload.erased', 'hold.placed', 'hold.released', 'ledger.exported',
    'evidence.exported', 'key.rotated', 'epoch.opened'
)
    AND (
        d.detail ? 'operator'
        OR d.detail IS NULL AND e.type NOT IN ('partner.added', 'partner.changed', 'partner.state_changed')
        -- Who paused or resumed it is erased; what came by itself was about a message.
        OR d.detail IS NULL AND e.type = 'partner.state_changed' AND e.about IS NULL
    )
    OR e.type IN ('agreement.invited', 'agreement.updated')
        AND e.direction = 'out'
        AND d.detail ? 'operator';

COMMENT ON VIEW audit.operation IS 'What operators did, each with who and why: partners, agreements, deliveries, replays, exporting, reading and erasing';
COMMENT ON COLUMN audit.operation.position IS 'Position of the event that records it';
COMMENT ON COLUMN audit.operation.event_id IS 'Event id of the same';
COMMENT ON COLUMN audit.operation.recorded_at IS 'When it was done';
COMMENT ON COLUMN audit.operation.operation IS 'What was done, in the words of the commands: partner pause, delivery retry, replay, payload read …; of an agreement what it became';
COMMENT ON COLUMN audit.operation.type IS 'Type of the event';
COMMENT ON COLUMN audit.operation.operator IS 'Who did it: a user of the operating system; NULL where that is erased';
COMMENT ON COLUMN audit.operation.reason IS 'Why, as the operator said; NULL where none was given, or it is erased';
COMMENT ON COLUMN audit.operation.partner IS 'Partner that it was done to, as it is called now; of a replay those at the time';
COMMENT ON COLUMN audit.operation.agreement IS 'Uuid of the agreement, where it was about one';
COMMENT ON COLUMN audit.operation.ticket IS 'Uuid of the ticket, where it was about one';
COMMENT ON COLUMN audit.operation.about_position IS 'Position of the message or event that it was done to';
COMMENT ON COLUMN audit.operation.part IS 'Part of that event that was read';
COMMENT ON COLUMN audit.operation.partner_url IS 'Base URL of the partner from then on, where it was added or changed';
COMMENT ON COLUMN audit.operation.old_partner_url IS 'Base URL until then, where it is another one';
COMMENT ON COLUMN audit.operation.facts IS 'What else is known of it: of a replay its range and counts, of an erasure what went';
