-- A delivery's source stays as it is while its first attempt is under way: that the attempt begins then changes no indexed
-- column, and costs a row version without entries in any index.

DROP INDEX delivery.queue_due;
ALTER TABLE delivery.queue DROP COLUMN source;
ALTER TABLE delivery.queue ADD COLUMN source bigint NOT NULL
GENERATED ALWAYS AS (
    CASE
        WHEN replay_id IS NOT NULL THEN replay_id
        WHEN tries > CASE WHEN exchange IS NULL THEN 0 ELSE 1 END THEN -1
        ELSE -2
    END
) STORED;
COMMENT ON COLUMN delivery.queue.source IS '-2: not tried yet, or for the first time now; -1: tried before; else the replay';
CREATE INDEX queue_due ON delivery.queue (partner_id, source, due_at)
WHERE is_head AND state = 'waiting' AND claim IS NULL;

CREATE TABLE delivery.worker (
    worker uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE delivery.worker IS 'Processes that claim; one that is alone need not have its own claims counted';
COMMENT ON COLUMN delivery.worker.seen_at IS 'When it claimed last, give or take half a minute';
