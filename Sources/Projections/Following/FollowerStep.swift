import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// One step of following: folds the messages that come next, and saves the rows and how far they go in one transaction.
///
/// Four trips to the server however many messages there are, and no statement a row. What is not a ticket message is
/// passed over without being read.
struct FollowerStep: Sendable {
    /// What a step came to.
    enum Outcome: Sendable {
        case advanced(Advance)

        /// Another process follows, or the schema's position is held by a rebuild.
        case busy
    }

    /// How far a step came.
    struct Advance: Sendable {
        /// The first position that is not folded.
        let next: Position

        /// The position after the ledger's last event, when the step began.
        let end: Position

        let faults: [FoldFault]
    }

    /// Positions that one step looks at, and messages that it folds.
    static let windowCount: Int64 = 8192
    static let messageCount = 1000

    private let tables: ProjectionTables
    private var tickets: RowBatch
    private var comments: RowBatch
    private var unfolded: RowBatch

    init(_ tables: ProjectionTables) {
        self.tables = tables
        tickets = RowBatch(tables.ticket)
        comments = RowBatch(tables.comment)
        unfolded = RowBatch(tables.unfolded)
    }

    /// Carries one step out; after an error the session is in a transaction that must not go on.
    ///
    /// - Parameters:
    ///   - expected: Where the last step ended; right or wrong, the position that was saved decides.
    ///   - bound: The first position that is not to be folded.
    mutating func run(
        from expected: Position,
        until bound: Position? = nil,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Outcome {
        let opened = try session.pipeline([
            "BEGIN", tables.lock(), Statements.end, Self.messages(from: expected, bound),
        ])
        guard let saved = opened[1].first else {
            try session.execute("ROLLBACK")
            return .busy
        }
        let start = try saved[0, as: Position.self]
        let end = try opened[2].onlyRow()[0, as: Position.self]
        let found = start == expected ? opened[3] : try session.query(Self.messages(from: start, bound))
        var heads = try TicketEventReader.heads(found)[...]
        let isCut = heads.count == Self.messageCount
        heads = heads[..<TicketEventReader.pageEnd(heads)]
        var next = heads.last?.position.next ?? start
        if !isCut, heads.count == found.count {
            let window = min(Position(rawValue: start.rawValue + Self.windowCount), bound ?? end, end)
            next = max(next, window)
        }
        guard next > start else {
            try session.execute("ROLLBACK")
            return .advanced(Advance(next: start, end: max(end, start), faults: []))
        }
        let faults = try fold(heads, in: &session)
        try session.pipeline(writes(next))
        return .advanced(Advance(next: next, end: max(end, next), faults: faults))
    }

    private static func messages(from start: Position, _ bound: Position?) -> SQL {
        let window = Position(rawValue: start.rawValue + windowCount)
        return Statements.messages(start, min(window, bound ?? window), messageCount)
    }
}

// MARK: - Folding

extension FollowerStep {
    /// Fills the batches; returns what could not be folded.
    private mutating func fold(
        _ heads: ArraySlice<TicketEventHead>,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [FoldFault] {
        tickets.removeAll()
        comments.removeAll()
        unfolded.removeAll()
        guard !heads.isEmpty else { return [] }
        let touched = Array(Set(heads.map(\.share)))
        let answers = try session.pipeline([TicketEventReader.contents(of: heads), tables.shares(touched)])
        // Read moments after it was committed; hashing would cost half as much again (docs/decisions/0011).
        let contents = try TicketEventReader.contents(answers[0], of: heads, isTrusted: true, in: &session)
        let events = heads.map { TicketEvent($0, contents[$0.position]) }
        var folds = try load(answers[1], events, in: &session)
        var faults: [FoldFault] = []
        for event in events {
            let new: [FoldedComment]
            do throws(FoldFault) {
                new = try folds[event.head.share]?.apply(event) ?? []
            } catch {
                faults.append(error)
                try unfolded.appendRow { UnfoldedRow.append(error, share: event.head.share, to: &$0) }
                continue
            }
            for comment in new {
                try comments.appendRow { CommentRow.append(comment, to: &$0) }
            }
        }
        for fold in folds.values {
            try tickets.appendRow { TicketRow.append(fold, to: &$0) }
        }
        return faults
    }

    /// The touched shares as they were saved, each with those of its comments that the messages name again.
    private func load(
        _ rows: Rows,
        _ events: [TicketEvent],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Position: ShareFold] {
        var saved: Set<Position> = []
        for row in rows where !row.isNull(2) {
            saved.insert(try row[0, as: Position.self])
        }
        var named: (shares: [Position], comments: [String]) = ([], [])
        for event in events where saved.contains(event.head.share) {
            guard case .success(let facts) = event.facts else { continue }
            for comment in facts.comments {
                named.shares.append(event.head.share)
                named.comments.append(comment.id.text)
            }
        }
        var known: [Position: Set<CommentID>] = [:]
        if !named.shares.isEmpty {
            for row in try session.query(tables.knownComments(named.shares, named.comments)) {
                let comment: CommentID = try row.identifier(1)
                known[try row[0, as: Position.self], default: []].insert(comment)
            }
        }
        var folds: [Position: ShareFold] = [:]
        for row in rows {
            let share = try row[0, as: Position.self]
            folds[share] = try TicketRow.fold(row, knownComments: known[share] ?? [])
        }
        return folds
    }

    private func writes(_ next: Position) -> [SQL] {
        var statements: [SQL] = []
        if tickets.count > 0 { statements.append(tables.putTickets(tickets)) }
        if comments.count > 0 { statements.append(tables.addComments(comments)) }
        if unfolded.count > 0 { statements.append(tables.addUnfolded(unfolded)) }
        return statements + [tables.save(next), "COMMIT"]
    }
}

// MARK: - Statements

extension FollowerStep {
    private enum Statements {
        static let end: SQL =
            "SELECT coalesce((SELECT e.position + 1 FROM ledger.event AS e ORDER BY e.position DESC LIMIT 1), 0)"

        static func messages(_ start: Position, _ end: Position, _ count: Int) -> SQL {
            """
            SELECT \(unescaped: TicketEventReader.columns)
            FROM ledger.event AS e
            WHERE e.position >= \(start)
                AND e.position < \(end)
                AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
            ORDER BY e.position
            LIMIT \(Int64(count))
            """
        }
    }
}
