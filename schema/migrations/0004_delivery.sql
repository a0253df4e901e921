-- What is on its way. Rows come with the event that they deliver and go when it is delivered, skipped or abandoned:
-- the ledger keeps what happened, this table only what is still to be done.

CREATE SCHEMA delivery;
COMMENT ON SCHEMA delivery IS 'What is still to be delivered, and to whom';

CREATE TABLE delivery.replay (
    replay_id bigint PRIMARY KEY,
    mode text NOT NULL CHECK (mode IN ('messages', 'state')),
    reason text NOT NULL,
    operator text NOT NULL,
    requested_at timestamptz NOT NULL,
    finished_at timestamptz,
    item_count integer NOT NULL CHECK (item_count >= 0),
    delivered_count integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE delivery.replay IS 'Replays that operators asked for';
COMMENT ON COLUMN delivery.replay.replay_id IS 'Position of the replay.requested event';
COMMENT ON COLUMN delivery.replay.delivered_count IS 'Items that were delivered, or found to be there already';

CREATE TABLE delivery.queue (
    delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Destination: a partner, or our own desk as 0.
    partner_id bigint NOT NULL,
    stream_id bigint NOT NULL,
    share_id bigint,
    -- Order within a lane: position of the message or of the replay that sends it again, then its place in that replay.
    queue_position bigint NOT NULL,
    item integer NOT NULL DEFAULT 0,
    message_position bigint NOT NULL,
    message_id uuid NOT NULL,
    replay_id bigint REFERENCES delivery.replay,
    enqueued_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    claimed_until timestamptz,
    claim uuid,
    attempts integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    exchange uuid,
    is_head boolean NOT NULL,
    is_barrier boolean NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    kind text NOT NULL CHECK (kind IN ('message', 'state')),
    reason text,
    UNIQUE NULLS NOT DISTINCT (partner_id, stream_id, share_id, queue_position, item),
    CHECK ((claim IS NULL) = (claimed_until IS NULL)),
    CHECK (exchange IS NULL OR claim IS NOT NULL),
    CHECK ((state = 'parked') = (reason IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

COMMENT ON TABLE delivery.queue IS 'Deliveries under way, waiting or parked; a delivered one is gone from here';
COMMENT ON COLUMN delivery.queue.partner_id IS 'Destination; 0 is our own desk';
COMMENT ON COLUMN delivery.queue.attempts IS 'Number of attempts made for the message, all in the ledger';
COMMENT ON COLUMN delivery.queue.tries IS 'Attempts since it was enqueued or resumed: the place in the retry schedule';
COMMENT ON COLUMN delivery.queue.exchange IS 'The attempt that is begun and not yet finished';
COMMENT ON COLUMN delivery.queue.is_head IS 'First of its lane: only heads are tried';
COMMENT ON COLUMN delivery.queue.is_barrier IS 'An agreement''s own message: waits for what is before it, holds what is after it';
COMMENT ON COLUMN delivery.queue.kind IS 'message: the stored bytes; state: the ticket as reconstructed when it is sent';

CREATE INDEX queue_due ON delivery.queue (partner_id, due_at) WHERE is_head AND state = 'waiting' AND claim IS NULL;
CREATE INDEX queue_message ON delivery.queue (message_position);
CREATE INDEX queue_claimed ON delivery.queue (partner_id) WHERE claim IS NOT NULL;
CREATE INDEX queue_replay ON delivery.queue (replay_id) WHERE replay_id IS NOT NULL;
-- Whatever waits in a lane that is not parked is behind a head that waits: barriers need to look at heads only.
CREATE INDEX queue_heads ON delivery.queue (partner_id, stream_id, queue_position, item)
WHERE is_head AND state = 'waiting';
CREATE INDEX queue_barriers ON delivery.queue (partner_id, stream_id, queue_position, item)
WHERE is_barrier AND is_head AND state = 'waiting';

CREATE TABLE delivery.setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    public_url text NOT NULL,
    private_url text NOT NULL,
    desk_url text,
    strict boolean NOT NULL
);
COMMENT ON TABLE delivery.setting IS 'What the service last ran with, so that commands decide as it does';
