import Postgres

/// A table whose rows an export holds, in the order in which they stand there; the raw value is in the file.
///
/// Parts come before the events that they are of, so that a file that is cut off after events lacks nothing of them.
enum TransferTable: UInt8, Sendable, CaseIterable {
    case payload = 1
    case event = 2
    case stream = 3
    case share = 4
    case accessKey = 5
    case idempotencyKey = 6
    case partner = 7
    case agreement = 8
    case ticketHead = 9
    case replay = 10
    case replayOutcome = 11
    case queue = 12
    case destination = 13
    case setting = 14

    /// Those that are read at the end, all of one moment.
    static let state = allCases.filter { $0 > .event }

    /// Schema and name.
    var name: (schema: String, table: String) {
        switch self {
        case .payload: ("ledger", "payload")
        case .event: ("ledger", "event")
        case .stream: ("ledger", "stream")
        case .share: ("ledger", "share")
        case .accessKey: ("ledger", "access_key")
        case .idempotencyKey: ("ledger", "idempotency_key")
        case .partner: ("projection", "partner")
        case .agreement: ("projection", "agreement")
        case .ticketHead: ("projection", "ticket_head")
        case .replay: ("delivery", "replay")
        case .replayOutcome: ("delivery", "replay_outcome")
        case .queue: ("delivery", "queue")
        case .destination: ("delivery", "destination")
        case .setting: ("delivery", "setting")
        }
    }

    /// The columns of its rows in the file: those of the table but for what is computed, and what is nobody's any more.
    var columns: [String] {
        switch self {
        case .payload: ["position", "castable", "part", "salt", "content", "chunk_lengths", "splices"]
        case .event:
            [
                "position", "stream_id", "stream_seq", "share_id", "share_seq", "recorded_at", "epoch", "attempt",
                "status",
                "format", "event_id", "about", "exchange", "type", "direction", "leaf_hash", "stream_prev",
                "share_prev",
                "part_names", "part_lengths", "part_commitments",
            ]
        case .stream: ["stream_id", "name"]
        case .share: ["share_id", "stream_id", "ticket"]
        case .accessKey: ["stream_id", "version", "position", "fingerprint", "sealed"]
        case .idempotencyKey: ["key_digest", "request_digest", "position", "event_id", "status", "recorded_at"]
        case .partner:
            [
                "partner_id", "name", "base_url", "url_identity", "dialect", "state", "paused", "allow_private_address",
                "allow_http", "concurrency", "rate",
            ]
        case .agreement:
            [
                "stream_id", "partner_id", "first_position", "last_position", "last_recorded_at", "key_version",
                "acknowledged_key_version", "last_status", "last_event_id", "agreement", "our_role", "status",
                "deactivated_by", "name", "sender_url", "receiver_url", "sync_tags", "sync_custom_fields",
                "allows_public_comments", "invited_from", "key_fingerprint", "acknowledged_key_fingerprint",
                "last_digest",
            ]
        case .ticketHead:
            [
                "share_id", "last_position", "last_recorded_at", "last_event_id", "last_status", "shared", "status",
                "last_digest",
            ]
        case .replay:
            [
                "replay_id", "mode", "reason", "operator", "requested_at", "finished_at", "item_count",
                "delivered_count",
                "rate", "paused", "cancelled_at", "destination", "sandbox_url", "allow_http", "allow_private_address",
                "prepared_until",
            ]
        case .replayOutcome: ["replay_id", "item", "message_position", "outcome", "attempts", "ended_at"]
        case .queue:
            [
                "delivery_id", "partner_id", "stream_id", "share_id", "queue_position", "item", "message_position",
                "message_id", "replay_id", "enqueued_at", "due_at", "claimed_until", "claim", "attempts", "tries",
                "exchange",
                "is_head", "is_barrier", "state", "kind", "reason",
            ]
        case .destination:
            [
                "partner_id", "state", "since", "reason", "failures", "first_failure_at", "history", "refusals",
                "in_flight_limit", "canary_at", "canaries",
            ]
        case .setting: ["public_url", "private_url", "desk_url", "strict"]
        }
    }

    /// How many of the first columns are its key, by which rows are ordered.
    private var keyCount: Int {
        switch self {
        case .replayOutcome, .accessKey: 2
        default: 1
        }
    }

    /// Its rows, in order.
    func rows(where condition: SQL = "true") -> SQL {
        let order = self == .payload ? "position, part" : columns.prefix(keyCount).joined(separator: ", ")
        return """
            SELECT \(unescaped: columns.joined(separator: ", "))
            FROM \(identifier: name.schema, name.table)
            WHERE \(condition)
            ORDER BY \(unescaped: order)
            """
    }

    /// Takes rows in.
    var copying: SQL {
        "COPY \(identifier: name.schema, name.table) (\(unescaped: columns.joined(separator: ", "))) FROM STDIN (FORMAT binary)"
    }
}

extension TransferTable: Comparable {
    static func < (lhs: TransferTable, rhs: TransferTable) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}
