-- Claims deliveries that are due, and returns all that is needed to send them.
--
-- One claim at a time: what is under way is counted after the lock was taken, so that a partner's limit holds however many
-- processes work. A partner's lanes come in the order in which they are due; partners take turns, first those after
-- `after_partner`. A destination that struggles gets as many requests at a time as delivery.destination says, one that is out
-- one canary when its time has come. What is new has a quarter of a partner's places to itself, and goes first three times out
-- of four; what is tried again and what replays send again share the rest. Only heads of lanes count: whatever waits in a lane
-- that is not parked is behind a head that waits. An agreement's own message waits for what is before it and holds what is
-- after it; one of a replay does so within the replay, and holds others only when its turn has come.
--
-- Heads that are due before the floor of their destination and source are not looked at. While somebody holds a snapshot, the
-- rows of all that was claimed since then stay in the index, before those that wait; whoever claims knows how far they reach.
-- For the same reason what is under way is not counted by a worker that is alone: it says itself how much that is.
--
-- Facts are not cast: bytes that somebody has altered must stop no delivery but their own. Facts are ours and written
-- without spaces, and within a string a quotation mark is always escaped, so a pattern finds a member for certain; whether
-- the bytes are those that were recorded is checked by whoever sends them.
--
-- What was said before the agreement's invitation was said under one that we have declined: it must not go out under the
-- key of another. Whatever somebody has written into the queue, no partner gets what an agreement with another one says, and
-- no sandbox what another replay sends. A sandbox gets no key.

-- A function that returns other columns than before cannot be replaced.
DROP FUNCTION IF EXISTS delivery.claim(uuid, integer, timestamptz, integer, bigint, integer, bigint[], integer[], bigint);
DROP FUNCTION IF EXISTS delivery.claim(uuid, integer, timestamptz, integer, bigint, integer, bigint);
DROP FUNCTION IF EXISTS delivery.claim(
    uuid, integer, timestamptz, integer, bigint, integer, bigint,
    uuid, bigint[], integer[], integer[], bigint[], bigint[], timestamptz[]
);
CREATE FUNCTION delivery.claim(
    claim_id uuid,
    lifetime_seconds integer,
    due timestamptz,
    row_limit integer,
    byte_limit bigint,
    desk_concurrency integer,
    after_partner bigint,
    claiming_worker uuid DEFAULT NULL,
    own_partners bigint[] DEFAULT NULL,
    own_claimed integer[] DEFAULT NULL,
    own_repeated integer[] DEFAULT NULL,
    floor_partners bigint[] DEFAULT NULL,
    floor_sources bigint[] DEFAULT NULL,
    floors timestamptz[] DEFAULT NULL
) RETURNS TABLE (
    delivery_id bigint,
    destination bigint,
    stream_id bigint,
    share_id bigint,
    message_position bigint,
    message_id uuid,
    replay_id bigint,
    kind text,
    tries integer,
    due_at timestamptz,
    type text,
    direction text,
    exchange uuid,
    part_names text[],
    part_lengths bigint[],
    part_commitments bytea[],
    ticket text,
    agreement text,
    our_role text,
    partner_id bigint,
    partner text,
    base_url text,
    dialect text,
    allow_http boolean,
    allow_private_address boolean,
    concurrency integer,
    body bytea,
    body_salt bytea,
    body_chunk_lengths integer[],
    body_splices bytea,
    sent_body bytea,
    sent_body_salt bytea,
    sent_body_chunk_lengths integer[],
    sent_body_splices bytea,
    facts bytea,
    facts_salt bytea,
    token_version integer,
    token_sealed bytea,
    offered_version integer,
    offered_fingerprint bytea,
    is_superseded boolean,
    is_misdirected boolean,
    sandbox_url text,
    sandbox_allow_http boolean,
    sandbox_allow_private_address boolean
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
-- To plan it costs several times what it takes. Planned while little waits, it would read all of the queue for ever after.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
-- Heads come in the order of queue_due, or a partner's whole index is read and sorted.
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    chosen bigint[];
    untaken bigint[];
    is_alone boolean := false;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('shareledger.claim', 0));
    IF claiming_worker IS NOT NULL THEN
        INSERT INTO delivery.worker AS w (worker, seen_at)
        SELECT claiming_worker, clock_timestamp()
        WHERE NOT EXISTS (
            SELECT
            FROM delivery.worker AS o
            WHERE o.worker = claiming_worker
                AND o.seen_at BETWEEN clock_timestamp() - interval '30 s' AND clock_timestamp()
        )
        ON CONFLICT (worker) DO UPDATE SET seen_at = excluded.seen_at;
        IF FOUND THEN
            DELETE FROM delivery.worker AS w WHERE w.seen_at < clock_timestamp() - interval '1 h';
        END IF;
        -- Claims of one that is gone live no longer than these minutes.
        is_alone := NOT EXISTS (
            SELECT
            FROM delivery.worker AS w
            WHERE w.worker <> claiming_worker
                AND w.seen_at > clock_timestamp() - interval '2 min'
        );
    END IF;
    -- In statements of their own, so that each is planned for a few rows, however many wait.
    chosen := ARRAY(
        WITH running AS (
            SELECT r.replay_id, r.destination, delivery.pace_left(p.next_at, due, r.rate) AS places
            FROM delivery.replay AS r
            LEFT JOIN delivery.pace AS p ON p.position = r.replay_id
            WHERE r.finished_at IS NULL
                AND r.cancelled_at IS NULL
                AND r.prepared_until IS NULL
                AND NOT r.paused
        ),
        room AS (
            SELECT d.partner_id, l.places,
                least(l.places, d.in_flight_limit - d.in_flight_limit / 4 - u.repeated) AS repeat_places,
                random() < 0.75 AS favours_new
            FROM (
                SELECT t.partner_id, delivery.pace_left(e.next_at, due, t.rate) AS pace,
                    least(
                        t.concurrency,
                        h.in_flight_limit,
                        CASE WHEN h.canary_at <= due THEN 1 WHEN h.state = 'out' THEN 0 END
                    ) AS in_flight_limit
                FROM (
                    SELECT p.partner_id, p.concurrency, p.rate
                    FROM projection.partner AS p
                    WHERE p.state = 'active'
                        AND NOT p.paused
                    UNION ALL
                    SELECT 0, desk_concurrency, NULL
                    UNION ALL
                    SELECT -r.replay_id, 4, NULL
                    FROM running AS r
                    WHERE r.destination = 'sandbox'
                ) AS t (partner_id, concurrency, rate)
                LEFT JOIN delivery.destination AS h ON h.partner_id = t.partner_id
                LEFT JOIN delivery.pace AS e ON e.position = t.partner_id
            ) AS d
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(n.claimed), 0)::integer, coalesce(sum(n.repeated), 0)::integer
                FROM (
                    SELECT count(*), count(*) FILTER (WHERE q.source > -2)
                    FROM delivery.queue AS q
                    WHERE q.partner_id = d.partner_id
                        AND q.claim IS NOT NULL
                        AND NOT is_alone
                    UNION ALL
                    SELECT o.claimed, o.repeated
                    FROM unnest(own_partners, own_claimed, own_repeated) AS o (partner_id, claimed, repeated)
                    WHERE o.partner_id = d.partner_id
                        AND is_alone
                ) AS n (claimed, repeated)
            ) AS u (claimed, repeated)
            CROSS JOIN LATERAL (SELECT least(row_limit, d.in_flight_limit - u.claimed, d.pace)) AS l (places)
        ),
        candidate AS (
            SELECT q.delivery_id, q.partner_id, q.message_position, q.due_at, q.source, q.source > -2 AS is_repeated,
                row_number() OVER (PARTITION BY q.partner_id, q.source ORDER BY q.due_at, q.delivery_id) AS place,
                room.places, room.repeat_places, room.favours_new
            FROM room
            CROSS JOIN LATERAL (
                SELECT -2::bigint, room.places
                UNION ALL
                SELECT -1, room.repeat_places
                UNION ALL
                SELECT r.replay_id, least(room.repeat_places, r.places)
                FROM running AS r
            ) AS s (source, places)
            CROSS JOIN LATERAL (
                SELECT coalesce(max(f.due_at), '-infinity')
                FROM unnest(floor_partners, floor_sources, floors) AS f (partner_id, source, due_at)
                WHERE f.partner_id = room.partner_id
                    AND f.source = s.source
            ) AS f (due_at)
            CROSS JOIN LATERAL (
                SELECT w.delivery_id, w.partner_id, w.message_position, w.due_at, w.source
                FROM delivery.queue AS w
                WHERE w.partner_id = room.partner_id
                    AND w.source = s.source
                    AND w.is_head
                    AND w.state = 'waiting'
                    AND w.claim IS NULL
                    AND w.due_at <= due
                    AND w.due_at >= f.due_at
                    AND NOT EXISTS (
                        SELECT
                        FROM delivery.queue AS b
                        WHERE b.partner_id = w.partner_id
                            AND b.stream_id = w.stream_id
                            AND b.is_barrier
                            AND b.is_head
                            AND b.state = 'waiting'
                            AND (b.queue_position, b.item) < (w.queue_position, w.item)
                            AND (
                                b.replay_id IS NULL
                                OR b.replay_id = w.replay_id
                                OR delivery.is_turn(b.replay_id, b.partner_id, b.stream_id, b.item)
                            )
                    )
                    AND NOT (
                        w.is_barrier
                        AND EXISTS (
                            SELECT
                            FROM delivery.queue AS h
                            WHERE h.partner_id = w.partner_id
                                AND h.stream_id = w.stream_id
                                AND h.is_head
                                AND h.state = 'waiting'
                                AND (h.queue_position, h.item) < (w.queue_position, w.item)
                                AND (h.replay_id IS NULL OR h.replay_id = w.replay_id)
                        )
                    )
                ORDER BY w.due_at
                LIMIT greatest(s.places, 0)
                FOR UPDATE SKIP LOCKED
            ) AS q
            WHERE s.places > 0
        ),
        -- By age alone, whatever failed once would wait for the end of a replay that was asked for before.
        ranked AS (
            SELECT c.*,
                row_number() OVER (PARTITION BY c.partner_id, c.is_repeated ORDER BY c.place, c.source) AS rank
            FROM candidate AS c
        ),
        turned AS (
            SELECT r.delivery_id, r.partner_id, r.places,
                row_number() OVER (
                    PARTITION BY r.partner_id
                    ORDER BY r.rank, r.is_repeated = r.favours_new
                ) AS turn
            FROM ranked AS r
            WHERE NOT r.is_repeated
                OR r.rank <= r.repeat_places
        )
        SELECT t.delivery_id
        FROM turned AS t
        WHERE t.turn <= t.places
        ORDER BY t.turn, t.partner_id <= after_partner, t.partner_id
        LIMIT row_limit
    );
    IF cardinality(chosen) = 0 THEN
        RETURN;
    END IF;
    -- Whoever records the end of an attempt changes several of these rows in an order of its own: nobody waits for it here.
    untaken := ARRAY(
        SELECT h.partner_id
        FROM delivery.destination AS h
        WHERE h.canary_at <= due
        FOR UPDATE SKIP LOCKED
    );
    chosen := ARRAY(
        SELECT s.delivery_id
        FROM (
            SELECT c.delivery_id, c.turn, sum(b.bytes) OVER (ORDER BY c.turn) - b.bytes AS bytes_before
            FROM unnest(chosen) WITH ORDINALITY AS c (delivery_id, turn)
            JOIN delivery.queue AS q ON q.delivery_id = c.delivery_id
            JOIN ledger.event AS e ON e.position = q.message_position
            CROSS JOIN LATERAL (SELECT sum(l.length) FROM unnest(e.part_lengths) AS l (length)) AS b (bytes)
            LEFT JOIN delivery.destination AS h ON h.partner_id = q.partner_id
            WHERE h.state IS DISTINCT FROM 'out'
                OR q.partner_id = ANY (untaken)
        ) AS s
        WHERE s.bytes_before < byte_limit
        ORDER BY s.turn
    );
    UPDATE delivery.queue
    SET claim = claim_id,
        claimed_until = clock_timestamp() + make_interval(secs => lifetime_seconds)
    WHERE delivery_id = ANY (chosen);
    UPDATE delivery.destination AS h
    SET canary = q.delivery_id
    FROM delivery.queue AS q
    WHERE q.delivery_id = ANY (chosen)
        AND h.partner_id = q.partner_id
        AND h.partner_id = ANY (untaken);
    INSERT INTO delivery.pace (position, next_at)
    SELECT c.position, delivery.pace_begin(p.next_at, due, c.rate) + c.count * interval '1 second' / c.rate
    FROM (
        SELECT q.replay_id, r.rate, count(*)
        FROM delivery.queue AS q
        JOIN delivery.replay AS r ON r.replay_id = q.replay_id
        WHERE q.delivery_id = ANY (chosen)
        GROUP BY q.replay_id, r.rate
        UNION ALL
        SELECT q.partner_id, t.rate, count(*)
        FROM delivery.queue AS q
        JOIN projection.partner AS t ON t.partner_id = q.partner_id
        WHERE q.delivery_id = ANY (chosen)
        GROUP BY q.partner_id, t.rate
    ) AS c (position, rate, count)
    LEFT JOIN delivery.pace AS p ON p.position = c.position
    WHERE c.rate IS NOT NULL
    ON CONFLICT (position) DO UPDATE SET next_at = excluded.next_at;
    RETURN QUERY
    SELECT q.delivery_id, q.partner_id, q.stream_id, q.share_id, q.message_position, q.message_id, q.replay_id, q.kind,
        q.tries, q.due_at, e.type, e.direction, e.exchange, e.part_names, e.part_lengths,
        e.part_commitments, sh.ticket, a.agreement, a.our_role,
        p.partner_id, p.name, p.base_url, p.dialect, p.allow_http, p.allow_private_address, p.concurrency,
        b.content, b.salt, b.chunk_lengths, b.splices, sb.content, sb.salt, sb.chunk_lengths, sb.splices,
        f.content, f.salt,
        k.version, k.sealed, o.version, o.fingerprint,
        q.message_position < a.first_position,
        q.partner_id NOT IN (0, a.partner_id, coalesce(-r.replay_id, 0)) OR e.event_id <> q.message_id
            OR e.stream_id <> q.stream_id OR e.share_id IS DISTINCT FROM q.share_id,
        r.sandbox_url, r.allow_http, r.allow_private_address
    FROM unnest(chosen) WITH ORDINALITY AS c (delivery_id, turn)
    JOIN delivery.queue AS q ON q.delivery_id = c.delivery_id
    JOIN ledger.event AS e ON e.position = q.message_position
    JOIN projection.agreement AS a ON a.stream_id = q.stream_id
    JOIN projection.partner AS p ON p.partner_id = CASE WHEN q.partner_id > 0 THEN q.partner_id ELSE a.partner_id END
    LEFT JOIN delivery.replay AS r ON r.replay_id = q.replay_id AND r.destination = 'sandbox'
    LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
    LEFT JOIN ledger.payload AS b
        ON b.position = q.message_position AND b.part = 'body' AND q.kind = 'message'
    LEFT JOIN ledger.payload AS sb
        ON sb.position = q.message_position AND sb.part = 'sent-body' AND q.kind = 'message'
    LEFT JOIN ledger.payload AS f
        ON f.position = q.message_position AND f.part = 'facts'
    CROSS JOIN LATERAL (
        SELECT substring(f.text FROM '"token_version":([0-9]{1,9})[,}]')::integer,
            substring(f.text FROM '"access_key_version":([0-9]{1,9})[,}]')::integer
        FROM (SELECT encode(f.content, 'escape')) AS f (text)
    ) AS fact (token_version, access_key_version)
    LEFT JOIN ledger.access_key AS k
        ON k.stream_id = q.stream_id
        AND k.version = CASE
            WHEN q.partner_id < 0 THEN NULL
            WHEN q.partner_id > 0 THEN coalesce(a.acknowledged_key_version, a.key_version)
            WHEN q.kind = 'state' THEN a.key_version
            ELSE fact.token_version
        END
    LEFT JOIN ledger.access_key AS o
        ON o.stream_id = q.stream_id
        AND o.version = fact.access_key_version
    ORDER BY c.turn;
END
$$;
COMMENT ON FUNCTION delivery.claim IS 'Claims deliveries that are due and returns what is needed to send them';
