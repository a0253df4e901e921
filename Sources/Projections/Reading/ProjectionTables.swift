import Ledger
import LedgerStore
import Postgres

/// The following projections in one schema: the live one, or the one in which a rebuild makes them anew.
struct ProjectionTables: Sendable {
    /// Where readers look.
    static let live = "projection"

    /// Where a rebuild puts together what it will swap in.
    static let shadow = "projection_new"

    let schema: String
    let ticket: CompositeType
    let comment: CompositeType
    let unfolded: CompositeType

    init(in session: inout PostgresSession, schema: String = ProjectionTables.live) throws(PostgresError) {
        self.schema = schema
        ticket = try session.compositeType("\(schema).ticket")
        comment = try session.compositeType("\(schema).comment")
        unfolded = try session.compositeType("\(schema).unfolded")
    }
}

// MARK: - Statements

extension ProjectionTables {
    /// The position that was saved, locked, and which table the tickets are in; no row where another process has it.
    func lock() -> SQL {
        """
        SELECT next_position, to_regclass(\(schema + ".ticket"))::oid::bigint
        FROM \(identifier: schema, "follower")
        WHERE name = 'ticket'
        FOR NO KEY UPDATE SKIP LOCKED
        """
    }

    /// Saves how far the rows go.
    func save(_ next: Position) -> SQL {
        "UPDATE \(identifier: schema, "follower") SET next_position = \(next) WHERE name = 'ticket'"
    }

    /// Shares with their tickets as far as those were saved, for ``TicketRow/fold(_:knownComments:)``.
    func shares(_ shares: [Position]) -> SQL {
        """
        SELECT \(unescaped: TicketRow.columns)
        FROM ledger.share AS sh
        LEFT JOIN \(identifier: schema, "ticket") AS t ON t.share_id = sh.share_id
        WHERE sh.share_id = ANY (\(shares))
        """
    }

    /// The names of all comments of shares that have few; of the others, which of those named are saved already.
    func comments(of shares: [Position], named: (shares: [Position], comments: [String])) -> SQL {
        """
        SELECT c.share_id, c.comment
        FROM \(identifier: schema, "ticket") AS t
        JOIN \(identifier: schema, "comment") AS c ON c.share_id = t.share_id
        WHERE t.share_id = ANY (\(shares))
            AND t.comment_count <= \(TicketRow.knownCommentCount)
        UNION ALL
        SELECT c.share_id, c.comment
        FROM unnest(\(named.shares), \(named.comments)) AS named (share_id, comment)
        JOIN \(identifier: schema, "ticket") AS t ON t.share_id = named.share_id
        JOIN \(identifier: schema, "comment") AS c ON c.share_id = named.share_id AND c.comment = named.comment
        WHERE t.comment_count > \(TicketRow.knownCommentCount)
        """
    }

    /// Saves tickets as they stand now.
    func putTickets(_ rows: RowBatch) -> SQL {
        """
        INSERT INTO \(identifier: schema, "ticket") SELECT * FROM unnest(\(rows))
        ON CONFLICT (share_id) DO UPDATE SET
            last_position = excluded.last_position,
            requested_at = excluded.requested_at,
            comment_count = excluded.comment_count,
            public_comment_count = excluded.public_comment_count,
            shared = excluded.shared,
            subject = excluded.subject,
            status = excluded.status,
            custom_status = excluded.custom_status,
            original_id = excluded.original_id,
            requester_uuid = excluded.requester_uuid,
            requester_name = excluded.requester_name,
            tags = excluded.tags,
            erased = excluded.erased,
            state = excluded.state
        """
    }

    /// Saves comments that were not saved before.
    func addComments(_ rows: RowBatch) -> SQL {
        "INSERT INTO \(identifier: schema, "comment") SELECT * FROM unnest(\(rows))"
    }

    /// Notes messages that could not be folded.
    func addUnfolded(_ rows: RowBatch) -> SQL {
        "INSERT INTO \(identifier: schema, "unfolded") SELECT * FROM unnest(\(rows)) ON CONFLICT (position) DO NOTHING"
    }
}
