-- What each partner holds, as far as it is known: a row for each comment, attachment, tag and custom field.
--
-- Known is what it has sent itself, and what stood in one of our messages, or in a ticket's state that a replay sent, that it
-- has answered with success.
DROP VIEW IF EXISTS audit.disclosure;
CREATE VIEW audit.disclosure AS
SELECT
    h.agreement,
    h.ticket,
    h.partner,
    h.kind,
    h.item,
    h.name,
    h.public,
    h.sent_by,
    h.held_since,
    h.message_position,
    coalesce(t.shared, false) AND g.status = 'accepted' AS is_kept_up_to_date,
    CASE
        WHEN h.kind IN ('comment', 'attachment') THEN true
        WHEN h.kind = 'tag' THEN coalesce(h.item = ANY (n.tags), false)
        ELSE coalesce(ledger.json(convert_to(n.state::text, 'UTF8')) -> 'custom_fields' ? h.item, false)
    END AS stands_now
FROM (
    SELECT DISTINCT ON (r.agreement, r.ticket, i.kind, i.item)
        r.agreement,
        r.ticket,
        r.partner,
        r.stream_id,
        r.share_id,
        i.kind,
        i.item,
        i.name,
        i.public,
        r.sent_by,
        r.held_since,
        r.message_position
    FROM (
        SELECT
            s.agreement,
            sh.ticket,
            p.name AS partner,
            e.stream_id,
            e.share_id,
            e.position AS message_position,
            CASE e.direction WHEN 'in' THEN 'partner' ELSE 'desk' END AS sent_by,
            CASE e.direction WHEN 'in' THEN e.recorded_at ELSE k.recorded_at END AS held_since,
            d.body
        FROM ledger.event AS e
        JOIN ledger.stream AS s ON s.stream_id = e.stream_id
        JOIN ledger.share AS sh ON sh.share_id = e.share_id
        JOIN projection.agreement AS a ON a.stream_id = e.stream_id
        JOIN projection.partner AS p ON p.partner_id = a.partner_id
        LEFT JOIN LATERAL (
            SELECT min(o.recorded_at) AS recorded_at
            FROM ledger.event AS o
            WHERE o.about = e.event_id
                AND o.type = 'attempt.succeeded'
                AND o.direction = 'out'
        ) AS k ON e.direction = 'out'
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = e.position
                        AND f.part = 'body'
                        AND f.castable
                ) AS body
            OFFSET 0
        ) AS d
        WHERE e.type IN ('ticket.shared', 'ticket.updated')
            AND (e.direction = 'in' OR k.recorded_at IS NOT NULL)
        UNION ALL
        -- Of a ticket's attempts only a state has bytes of its own.
        SELECT
            s.agreement,
            sh.ticket,
            p.name,
            b.stream_id,
            b.share_id,
            b.position,
            'desk',
            k.recorded_at,
            d.body
        FROM ledger.event AS b
        JOIN ledger.stream AS s ON s.stream_id = b.stream_id
        JOIN ledger.share AS sh ON sh.share_id = b.share_id
        JOIN projection.agreement AS a ON a.stream_id = b.stream_id
        JOIN projection.partner AS p ON p.partner_id = a.partner_id
        JOIN ledger.event AS k
            ON k.about = b.about
            AND k.exchange = b.exchange
            AND k.type = 'attempt.succeeded'
            AND k.direction = 'out'
        CROSS JOIN LATERAL (
            SELECT
                (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = b.position
                        AND f.part = 'sent-body'
                ) AS body
            OFFSET 0
        ) AS d
        WHERE b.type = 'attempt.begun'
            AND 'sent-body' = ANY (b.part_names)
    ) AS r
    CROSS JOIN LATERAL (
        SELECT
            'comment' AS kind,
            c.comment ->> 'uuid' AS item,
            NULL AS name,
            coalesce(c.comment ->> 'public', 'true') <> 'false' AS public
        FROM jsonb_array_elements(
            CASE jsonb_typeof(r.body -> 'comments') WHEN 'array' THEN r.body -> 'comments' END
        ) AS c (comment)
        UNION ALL
        SELECT
            'attachment',
            f.attachment ->> 'url',
            coalesce(f.attachment ->> 'display_filename', f.attachment ->> 'filename'),
            coalesce(c.comment ->> 'public', 'true') <> 'false'
        FROM jsonb_array_elements(
            CASE jsonb_typeof(r.body -> 'comments') WHEN 'array' THEN r.body -> 'comments' END
        ) AS c (comment)
        CROSS JOIN LATERAL jsonb_array_elements(
            CASE jsonb_typeof(c.comment -> 'attachments') WHEN 'array' THEN c.comment -> 'attachments' END
        ) AS f (attachment)
        UNION ALL
        SELECT 'tag', t.tag, NULL, NULL
        FROM jsonb_array_elements_text(
            CASE jsonb_typeof(r.body -> 'tags') WHEN 'array' THEN r.body -> 'tags' END
        ) AS t (tag)
        UNION ALL
        SELECT 'custom_field', f.field, NULL, NULL
        FROM jsonb_object_keys(
            CASE jsonb_typeof(r.body -> 'custom_fields') WHEN 'object' THEN r.body -> 'custom_fields' END
        ) AS f (field)
    ) AS i
    ORDER BY r.agreement, r.ticket, i.kind, i.item, r.held_since, r.message_position
) AS h
JOIN projection.agreement AS g ON g.stream_id = h.stream_id
LEFT JOIN projection.ticket_head AS t ON t.share_id = h.share_id
LEFT JOIN projection.ticket AS n ON n.share_id = h.share_id;

COMMENT ON VIEW audit.disclosure IS 'What each partner is known to hold: one row for each comment, attachment, tag and custom field of a share';
COMMENT ON COLUMN audit.disclosure.agreement IS 'Uuid of the agreement that the ticket is shared under';
COMMENT ON COLUMN audit.disclosure.ticket IS 'Uuid of the ticket';
COMMENT ON COLUMN audit.disclosure.partner IS 'Name of the partner, as it is called now';
COMMENT ON COLUMN audit.disclosure.kind IS 'comment, attachment, tag or custom_field';
COMMENT ON COLUMN audit.disclosure.item IS 'Uuid of the comment, URL of the attachment, the tag, or the name of the field';
COMMENT ON COLUMN audit.disclosure.name IS 'Of an attachment the name of the file';
COMMENT ON COLUMN audit.disclosure.public IS 'Of a comment, and of what is attached to it, whether it was sent as public';
COMMENT ON COLUMN audit.disclosure.sent_by IS 'partner: it has sent it itself; desk: ours did, and it answered with success';
COMMENT ON COLUMN audit.disclosure.held_since IS 'When it was sent by the partner, or when the partner''s answer was recorded';
COMMENT ON COLUMN audit.disclosure.message_position IS 'Position of the message that brought it first, or of the attempt of a replay that sent a ticket''s state';
COMMENT ON COLUMN audit.disclosure.is_kept_up_to_date IS 'False where the partner gets nothing new of the ticket: it was unshared, or the agreement is not accepted';
COMMENT ON COLUMN audit.disclosure.stands_now IS 'Of tags and custom fields whether the ticket still has them';
