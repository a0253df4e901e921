import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// One step of following: folds the messages that come next, and saves the rows and how far they go in one transaction.
///
/// Five trips to the server however many messages there are, and no statement a row; two where this process has committed
/// the messages itself, and knows their shares. What is not a ticket message is passed over without being read.
struct FollowerStep: Sendable {
    /// What a step came to.
    enum Outcome: Sendable {
        case advanced(Advance)

        /// Another process follows, or the schema's position is held by a rebuild.
        case busy

        /// A rebuild has put other tables in the place of those that this session knows the row types of.
        case replaced
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

    let tables: ProjectionTables
    var tickets: RowBatch
    var comments: RowBatch
    var unfolded: RowBatch
    var cache = FoldCache()

    /// The table whose rows are written.
    private var table: Int64?

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
    ///   - offered: What comes from `expected` on, where that is known.
    mutating func run(
        from expected: Position,
        until bound: Position? = nil,
        offered: CommittedEvents.Run? = nil,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Outcome {
        guard let offered else {
            let opened = try session.pipeline([
                "BEGIN", tables.lock(), Statements.end, Self.messages(from: expected, bound),
            ])
            let resumed = try resume(opened[1], expected, in: &session)
            guard case .from(let start, _) = resumed else { return resumed.outcome }
            let end = try opened[2].onlyRow()[0, as: Position.self]
            let found = start == expected ? opened[3] : try session.query(Self.messages(from: start, bound))
            return try follow(from: start, found, end, until: bound, in: &session)
        }
        let events = offered.messages.compactMap { TicketEvent($0) }
        var folds = known(events)
        let missing = missing(events, folds)
        let opened = try session.pipeline(["BEGIN", tables.lock()] + missing)
        let resumed = try resume(opened[1], expected, in: &session)
        guard case .from(let start, let isStale) = resumed else { return resumed.outcome }
        guard !isStale else {
            let found = try session.pipeline([Statements.end, Self.messages(from: start, bound)])
            let end = try found[0].onlyRow()[0, as: Position.self]
            return try follow(from: start, found[1], end, until: bound, in: &session)
        }
        if !missing.isEmpty { try load(opened[2], opened[3], into: &folds) }
        let faults = try fold(events, &folds)
        try session.pipeline(writes(offered.next))
        return .advanced(Advance(next: offered.next, end: offered.end, faults: faults))
    }

    /// How a step begins.
    private enum Resumption {
        case busy
        case replaced

        /// Where to go on, and whether that is not what was expected, so that nothing that was kept is true.
        case from(Position, isStale: Bool)

        /// What becomes of a step that does not go on.
        var outcome: Outcome {
            if case .replaced = self { .replaced } else { .busy }
        }
    }

    private mutating func resume(
        _ locked: Rows,
        _ expected: Position,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Resumption {
        guard let saved = locked.first else {
            cache.removeAll()
            try session.execute("ROLLBACK")
            return .busy
        }
        let start = try saved[0, as: Position.self]
        let current = try saved[1, as: Int64.self]
        if let table, table != current {
            try session.execute("ROLLBACK")
            return .replaced
        }
        table = current
        if start != expected { cache.removeAll() }
        return .from(start, isStale: start != expected)
    }

    /// Goes on with what the ledger holds.
    private mutating func follow(
        from start: Position,
        _ found: Rows,
        _ end: Position,
        until bound: Position?,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Outcome {
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
        var faults: [FoldFault] = []
        if !heads.isEmpty {
            // Read moments after it was committed; hashing would cost half as much again (docs/decisions/0011).
            let answer = try session.query(TicketEventReader.contents(of: heads))
            let contents = try TicketEventReader.contents(answer, of: heads, isTrusted: true, in: &session)
            let events = heads.map { TicketEvent($0, contents[$0.position]) }
            var folds = known(events)
            let missing = missing(events, folds)
            if !missing.isEmpty {
                let answers = try session.pipeline(missing)
                try load(answers[0], answers[1], into: &folds)
            }
            faults = try fold(events, &folds)
        } else {
            empty()
        }
        try session.pipeline(writes(next))
        return .advanced(Advance(next: next, end: max(end, next), faults: faults))
    }

    private static func messages(from start: Position, _ bound: Position?) -> SQL {
        let window = Position(rawValue: start.rawValue + windowCount)
        return Statements.messages(start, min(window, bound ?? window), messageCount)
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
