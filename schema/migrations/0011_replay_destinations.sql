-- Replays to our own desk, and to a URL that an operator names for one replay; and replays of any size, which are enqueued
-- page by page.

ALTER TABLE delivery.replay
ADD COLUMN destination text NOT NULL DEFAULT 'partner' CHECK (destination IN ('partner', 'desk', 'sandbox')),
ADD COLUMN sandbox_url text,
ADD COLUMN allow_http boolean NOT NULL DEFAULT false,
ADD COLUMN allow_private_address boolean NOT NULL DEFAULT false,
ADD COLUMN prepared_until timestamptz,
ADD CHECK ((destination = 'sandbox') = (sandbox_url IS NOT NULL));
COMMENT ON COLUMN delivery.replay.destination IS 'partner; desk: our own; sandbox: a URL that was named for this replay alone';
COMMENT ON COLUMN delivery.replay.sandbox_url IS 'Base URL that it is sent to instead; no credential ever goes there';
COMMENT ON COLUMN delivery.replay.allow_http IS 'Whether the sandbox may be spoken to without TLS';
COMMENT ON COLUMN delivery.replay.allow_private_address IS 'Whether the sandbox may have an address that is not public';
COMMENT ON COLUMN delivery.replay.prepared_until IS 'While it is being enqueued: when it is given up if nobody goes on; NULL: all of it is in delivery.queue';

COMMENT ON COLUMN delivery.queue.partner_id IS 'Destination: a partner; 0 is our own desk; less: the sandbox of the replay at that position';
COMMENT ON COLUMN delivery.destination.partner_id IS 'As in delivery.queue';
