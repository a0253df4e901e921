-- The ledger: append-only events, the bytes behind them, and what names them.

CREATE SCHEMA IF NOT EXISTS ledger;
COMMENT ON SCHEMA ledger IS 'Append-only: what happened, in one order, with commitments to every byte';

CREATE TABLE ledger.epoch (
    epoch integer PRIMARY KEY CHECK (epoch > 0),
    name text NOT NULL CHECK (name ~ '^[A-Za-z0-9._~:-][A-Za-z0-9._~:/-]{0,198}$' AND name !~ '/$'),
    first_position bigint NOT NULL UNIQUE CHECK (first_position >= 0),
    opened_at timestamptz NOT NULL
);
COMMENT ON TABLE ledger.epoch IS 'Origins of the ledger: name and epoch as they stand in the leaves from first_position on';

CREATE TABLE ledger.stream (
    stream_id bigint PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name IN ('system', 'unattributed') OR name LIKE 'agreement:_%'),
    agreement text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN name LIKE 'agreement:_%' THEN substr(name, 11) END) STORED UNIQUE
);
COMMENT ON TABLE ledger.stream IS 'Streams: all events of one agreement, of the system, or of nobody known';
COMMENT ON COLUMN ledger.stream.stream_id IS 'Position of the stream''s first event';
COMMENT ON COLUMN ledger.stream.agreement IS 'The agreement''s uuid, where the stream is one''s';

CREATE TABLE ledger.share (
    share_id bigint PRIMARY KEY,
    stream_id bigint NOT NULL REFERENCES ledger.stream,
    ticket text COLLATE "C" NOT NULL CHECK (ticket ~ '^[A-Za-z0-9._~-]{1,255}$'),
    UNIQUE (stream_id, ticket)
);
CREATE INDEX share_ticket ON ledger.share (ticket);
COMMENT ON TABLE ledger.share IS 'Shares: one ticket under one agreement';
COMMENT ON COLUMN ledger.share.share_id IS 'Position of the share''s first event';

-- Alignment decides the order of columns: eight bytes, four, two, then what varies.
CREATE TABLE ledger.event (
    position bigint NOT NULL CHECK (position >= 0),
    stream_id bigint NOT NULL,
    stream_seq bigint NOT NULL CHECK (stream_seq >= 0),
    share_id bigint,
    share_seq bigint CHECK (share_seq >= 0),
    recorded_at timestamptz NOT NULL,
    epoch integer NOT NULL,
    attempt integer CHECK (attempt > 0),
    status integer CHECK (status BETWEEN 100 AND 999),
    format smallint NOT NULL CHECK (format > 0),
    event_id uuid NOT NULL,
    about uuid,
    exchange uuid,
    type text COLLATE "C" NOT NULL,
    direction text COLLATE "C" CHECK (direction IN ('in', 'out')),
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    stream_prev bytea CHECK (octet_length(stream_prev) = 32),
    share_prev bytea CHECK (octet_length(share_prev) = 32),
    part_names text[] NOT NULL CHECK (cardinality(part_names) > 0),
    part_lengths bigint[] NOT NULL CHECK (cardinality(part_lengths) = cardinality(part_names)),
    part_commitments bytea[] NOT NULL CHECK (cardinality(part_commitments) = cardinality(part_names)),
    PRIMARY KEY (position),
    CHECK ((stream_seq = 0) = (stream_prev IS NULL)),
    CHECK ((share_id IS NULL) = (share_seq IS NULL)),
    CHECK (share_seq IS NULL OR (share_seq = 0) = (share_prev IS NULL)),
    CHECK (share_prev IS NULL OR share_id IS NOT NULL)
) PARTITION BY RANGE (position);

COMMENT ON TABLE ledger.event IS 'One row a fact; every column is a line of the event''s leaf, or names one';
COMMENT ON COLUMN ledger.event.position IS 'Place in the whole ledger, without gaps, and the leaf index';
COMMENT ON COLUMN ledger.event.stream_seq IS 'Number within the stream, from 0, without gaps';
COMMENT ON COLUMN ledger.event.share_seq IS 'Number within the share, from 0, without gaps';
COMMENT ON COLUMN ledger.event.recorded_at IS 'When it was recorded; strictly increasing with position';
COMMENT ON COLUMN ledger.event.epoch IS 'Epoch of the origin in the leaf';
COMMENT ON COLUMN ledger.event.attempt IS 'Number of a try of a delivery, from 1';
COMMENT ON COLUMN ledger.event.status IS 'HTTP status that was answered';
COMMENT ON COLUMN ledger.event.format IS 'Version of the form of the parts facts and detail';
COMMENT ON COLUMN ledger.event.about IS 'Event id of the message, attempt or other event that this one is about';
COMMENT ON COLUMN ledger.event.exchange IS 'The HTTP exchange, shared by all events of one request';
COMMENT ON COLUMN ledger.event.leaf_hash IS 'SHA-256(0x00 || leaf), RFC 6962';
COMMENT ON COLUMN ledger.event.stream_prev IS 'leaf_hash of the event before it in the stream';
COMMENT ON COLUMN ledger.event.share_prev IS 'leaf_hash of the event before it in the share';
COMMENT ON COLUMN ledger.event.part_commitments IS 'Salted commitments to the parts in ledger.payload, in the order of part_names';

CREATE TABLE ledger.payload (
    position bigint NOT NULL,
    castable boolean,
    part text COLLATE "C" NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 32),
    content bytea COMPRESSION lz4 NOT NULL,
    chunk_lengths integer[],
    splices bytea,
    PRIMARY KEY (position, part)
) PARTITION BY RANGE (position);
ALTER TABLE ledger.payload ALTER COLUMN salt SET STORAGE PLAIN;

COMMENT ON TABLE ledger.payload IS 'The bytes of events, a row a part, so that they can be erased or disclosed one by one';
COMMENT ON COLUMN ledger.payload.castable IS 'Whether a body is JSON that jsonb can hold; NULL for parts that are no body';
COMMENT ON COLUMN ledger.payload.salt IS 'Random bytes that hide the content behind its commitment; gone with the row';
COMMENT ON COLUMN ledger.payload.content IS 'The bytes, with [secret] where a credential stood';
COMMENT ON COLUMN ledger.payload.chunk_lengths IS 'Lengths of the chunks whose tree hash is the commitment; NULL: one plain hash';
COMMENT ON COLUMN ledger.payload.splices IS 'What was cut out, AES-256-GCM under the key file''s key, for sending it again';

CREATE TABLE ledger.access_key (
    stream_id bigint NOT NULL REFERENCES ledger.stream,
    version integer NOT NULL CHECK (version > 0),
    position bigint NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    sealed bytea NOT NULL,
    PRIMARY KEY (stream_id, version)
);
COMMENT ON TABLE ledger.access_key IS 'Every version of every agreement''s access key, encrypted; kept for ever';
COMMENT ON COLUMN ledger.access_key.position IS 'The event that brought this version';
COMMENT ON COLUMN ledger.access_key.fingerprint IS 'Keyed hash, to recognise the key without decrypting it';
COMMENT ON COLUMN ledger.access_key.sealed IS 'AES-256-GCM under the key file''s key';

CREATE TABLE ledger.idempotency_key (
    key_digest bytea PRIMARY KEY CHECK (octet_length(key_digest) = 32),
    request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32),
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    status integer NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX idempotency_key_recorded_at ON ledger.idempotency_key USING brin (recorded_at);
COMMENT ON TABLE ledger.idempotency_key IS 'Idempotency-Key values of the last seven days, as keyed hashes in their scope';
