-- Replays that are paced, paused and cancelled, and what became of each of their items.

ALTER TABLE delivery.replay
ADD COLUMN rate integer CHECK (rate > 0),
ADD COLUMN paused boolean NOT NULL DEFAULT false,
ADD COLUMN cancelled_at timestamptz;
COMMENT ON COLUMN delivery.replay.rate IS 'Deliveries a second at most; NULL: as fast as the partner''s limits allow';
COMMENT ON COLUMN delivery.replay.paused IS 'Held back by an operator';
COMMENT ON COLUMN delivery.replay.cancelled_at IS 'When an operator gave up what was left of it';
CREATE INDEX replay_unfinished ON delivery.replay (replay_id) WHERE finished_at IS NULL;

CREATE TABLE delivery.replay_outcome (
    replay_id bigint NOT NULL REFERENCES delivery.replay,
    item integer NOT NULL CHECK (item >= 0),
    message_position bigint NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'skipped', 'abandoned', 'cancelled')),
    attempts integer NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (replay_id, item)
);
COMMENT ON TABLE delivery.replay_outcome IS 'How each item of a replay ended; those that have not are in delivery.queue';
COMMENT ON COLUMN delivery.replay_outcome.item IS 'Place in the replay, from 0';
COMMENT ON COLUMN delivery.replay_outcome.outcome IS
'delivered, or found there already; skipped by an operator or another replay; abandoned: nothing was left to send; cancelled with the replay';

ALTER TABLE projection.partner ADD COLUMN rate integer CHECK (rate > 0);
COMMENT ON COLUMN projection.partner.rate IS 'Requests a second at most; NULL: as many as it answers';

-- Written by claims alone, and only for what has a rate.
CREATE TABLE delivery.pace (
    position bigint PRIMARY KEY,
    next_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE delivery.pace IS 'When the next delivery to a partner, or of a replay, that has a rate may be claimed';
COMMENT ON COLUMN delivery.pace.position IS 'Of the event partner.added or replay.requested';

-- Claims read what is new, what is tried again and each replay apart, so that none of them crowds the others out.
ALTER TABLE delivery.queue ADD COLUMN source bigint NOT NULL
GENERATED ALWAYS AS (CASE WHEN replay_id IS NOT NULL THEN replay_id WHEN tries > 0 THEN -1 ELSE -2 END) STORED;
COMMENT ON COLUMN delivery.queue.source IS '-2: not tried yet; -1: tried before; else the replay';
DROP INDEX delivery.queue_due;
CREATE INDEX queue_due ON delivery.queue (partner_id, source, due_at)
WHERE is_head AND state = 'waiting' AND claim IS NULL;
