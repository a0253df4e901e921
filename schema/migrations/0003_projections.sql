-- Current state, folded from the ledger. Everything here can be made again from it.

CREATE SCHEMA projection;
COMMENT ON SCHEMA projection IS 'Current state folded from the ledger; can be rebuilt from it at any time';

CREATE TABLE projection.partner (
    partner_id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    base_url text NOT NULL,
    url_identity text NOT NULL UNIQUE,
    dialect text NOT NULL CHECK (dialect IN ('standard', 'zendesk', 'rt')),
    state text NOT NULL CHECK (state IN ('proposed', 'active')),
    paused boolean NOT NULL,
    allow_private_address boolean NOT NULL,
    allow_http boolean NOT NULL,
    concurrency integer NOT NULL CHECK (concurrency > 0)
);
COMMENT ON TABLE projection.partner IS 'Help desks at the other end';
COMMENT ON COLUMN projection.partner.partner_id IS 'Position of the partner.added event';
COMMENT ON COLUMN projection.partner.url_identity IS 'The base URL in the form in which URLs are compared';
COMMENT ON COLUMN projection.partner.state IS 'proposed: known from an invitation only, nothing is sent to it';

CREATE TABLE projection.agreement (
    stream_id bigint PRIMARY KEY,
    partner_id bigint NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    key_version integer,
    acknowledged_key_version integer,
    last_status integer NOT NULL,
    last_event_id uuid NOT NULL,
    agreement text COLLATE "C" NOT NULL UNIQUE,
    our_role text NOT NULL CHECK (our_role IN ('sender', 'receiver')),
    status text NOT NULL CHECK (status IN ('pending', 'accepted', 'declined', 'inactive')),
    deactivated_by text CHECK (deactivated_by IN ('sender', 'receiver')),
    name text,
    sender_url text NOT NULL,
    receiver_url text NOT NULL,
    sync_tags boolean NOT NULL,
    sync_custom_fields boolean NOT NULL,
    allows_public_comments boolean NOT NULL,
    invited_from text,
    key_fingerprint bytea,
    acknowledged_key_fingerprint bytea,
    last_digest bytea NOT NULL
);
COMMENT ON TABLE projection.agreement IS 'Agreements as they stand';
COMMENT ON COLUMN projection.agreement.our_role IS 'sender: we invited; receiver: the partner did';
COMMENT ON COLUMN projection.agreement.acknowledged_key_version IS 'Version of the access key that the other side has last acknowledged';
COMMENT ON COLUMN projection.agreement.last_digest IS 'Keyed hash of the last accepted message, to recognise its repeat';
CREATE INDEX agreement_partner ON projection.agreement (partner_id);
CREATE INDEX agreement_pending ON projection.agreement (invited_from)
WHERE status = 'pending' AND our_role = 'receiver';

CREATE TABLE projection.ticket_head (
    share_id bigint PRIMARY KEY,
    last_position bigint NOT NULL,
    last_recorded_at timestamptz NOT NULL,
    last_event_id uuid NOT NULL,
    last_status integer NOT NULL,
    shared boolean NOT NULL,
    status text,
    last_digest bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE projection.ticket_head IS 'What is needed to decide about the next message of a share; written with the event itself';
COMMENT ON COLUMN projection.ticket_head.shared IS 'False once it was unshared; the other side keeps an orphan';
COMMENT ON COLUMN projection.ticket_head.last_digest IS 'Keyed hash of the last accepted message in either direction, to recognise its repeat';

CREATE TABLE projection.inline_version (
    version bigint NOT NULL
);
COMMENT ON TABLE projection.inline_version IS 'One row; counts what changed partners, agreements and ticket heads without an event, so that nobody goes on with an older state';
INSERT INTO projection.inline_version (version) VALUES (0);

CREATE TABLE projection.follower (
    name text PRIMARY KEY,
    next_position bigint NOT NULL CHECK (next_position >= 0)
);
COMMENT ON TABLE projection.follower IS 'How far each following projection has come; saved in the transaction of its rows';
INSERT INTO projection.follower (name, next_position) VALUES ('ticket', 0);

CREATE TABLE projection.ticket (
    share_id bigint PRIMARY KEY,
    last_position bigint NOT NULL,
    requested_at timestamptz,
    comment_count integer NOT NULL,
    public_comment_count integer NOT NULL,
    shared boolean NOT NULL,
    ticket text COLLATE "C" NOT NULL,
    subject text,
    status text,
    custom_status text,
    original_id text,
    requester_uuid text,
    requester_name text,
    tags text[],
    erased text[],
    state json NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE projection.ticket ALTER COLUMN state SET COMPRESSION lz4;
COMMENT ON TABLE projection.ticket IS 'Tickets as they stand, without their comments';
COMMENT ON COLUMN projection.ticket.last_position IS 'The last event that said something of the ticket';
COMMENT ON COLUMN projection.ticket.erased IS 'Members that were said, but whose bytes are erased; NULL where there are none';
COMMENT ON COLUMN projection.ticket.state IS 'All members but the comments, in the protocol''s own form, opaque JSON as it came';

CREATE TABLE projection.comment (
    share_id bigint NOT NULL,
    position bigint NOT NULL,
    authored_at timestamptz,
    ordinal integer NOT NULL CHECK (ordinal >= 0),
    public boolean NOT NULL,
    erased boolean NOT NULL,
    comment text COLLATE "C" NOT NULL,
    author_uuid text,
    author_name text,
    body text,
    state json NOT NULL,
    PRIMARY KEY (share_id, comment)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE projection.comment ALTER COLUMN state SET COMPRESSION lz4;
ALTER TABLE projection.comment ALTER COLUMN body SET COMPRESSION lz4;
COMMENT ON TABLE projection.comment IS 'Comments of tickets, once each, in the order in which they came';
COMMENT ON COLUMN projection.comment.position IS 'The event that brought it';
COMMENT ON COLUMN projection.comment.ordinal IS 'Place among the comments of its ticket, from 0';
COMMENT ON COLUMN projection.comment.public IS 'As it is kept: false where the agreement allowed private comments only';
COMMENT ON COLUMN projection.comment.erased IS 'Whether its bytes are erased: what is left is known from the facts';
COMMENT ON COLUMN projection.comment.state IS 'All members but the body, in the protocol''s own form, opaque JSON as it came';

CREATE TABLE projection.unfolded (
    position bigint PRIMARY KEY,
    share_id bigint NOT NULL,
    reason text NOT NULL
);
COMMENT ON TABLE projection.unfolded IS 'Messages that could not be folded: their tickets stand as if these had not come';
