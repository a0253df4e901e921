import Arguments
import Ledger
import LedgerStore
import Postgres
import TicketSharing

private let share = Command.Positional("SHARE", help: Lookup.shareHelp, isOptional: true)
private let limit = Option<Int>(
    "limit",
    "N",
    in: 1...1_000_000_000,
    help: "Only the last so many",
    defaultText: "1000; of any format but a table all"
)

private let format = Option<HistoryFormat>(
    choosing: "format",
    help: "How it is printed; json is one array, json-lines an object a line",
    defaultText: "table; with --json json"
)
private let follow = Flag("follow", help: "Go on with what comes, until interrupted")

let historyCommand = Command(
    "history",
    summary: "What happened: the events of the ledger, in order",
    discussion: """
        Every message, attempt to deliver one, and act of an operator. Without SHARE and options it is the whole ledger.
        Positions have no gaps: what is missing between two lines is what the options leave out. The reason is what was wrong
        with an attempt or with a message that was refused, or what an operator gave as one; of a partner's state it says as
        well whether that was paused or resumed.
        """,
    examples: [
        .init("history ae7d/3a71", "All that happened to one share, with the replays of it"),
        .init(
            "history --partner lenswerk --type ticket,delivery --from 2026-01-31T00:00:00Z",
            "A partner's tickets since then"
        ),
        .init("history --type message.refused --limit 20", "What was refused last, and to whom"),
        .init("history --json --from 1042", "For a program, from a position on"),
        .init("history --partner lenswerk --follow", "What they send, as it comes"),
        .init("history --agreement ae7d --text autofocus --format csv", "For a spreadsheet, what speaks of autofocus"),
    ],
    positionals: [share],
    options: Options.common + EventFilter.options + [limit, format, follow, Options.json],
) { arguments in
    let filter = EventFilter(arguments, share: arguments[share])
    let isFollowing = arguments[follow]
    let format = try format(arguments)
    let limit = arguments[limit] ?? (format == .table ? 1000 : nil)
    return try await Workspace.with(arguments) { workspace in
        var history = try await workspace.session { session in
            try History(filter.condition(in: &session), limit: limit, format, in: &session)
        }
        repeat {
            let before = history
            history = try await workspace.session { session in
                var history = before
                try history.printNew(in: &session)
                return history
            }
            if isFollowing { try await Task.sleep(for: .milliseconds(500)) }
        } while isFollowing && Console.outputFault == nil
        history.finish()
        return 0
    }
}

private func format(_ arguments: ParsedArguments) throws -> HistoryFormat {
    let isFollowing = arguments[follow]
    guard let format = arguments[format] else {
        return arguments[Options.json] ? (isFollowing ? .lines : .json) : .table
    }
    guard !arguments[Options.json] || format == .json || format == .lines else {
        throw UsageError("--json and --format \(format.rawValue) exclude each other")
    }
    guard !isFollowing || format != .json else {
        throw UsageError("one array has no end while it is followed: --format json-lines goes with --follow")
    }
    return format
}

/// The events that a condition on `e` leaves, printed a page at a time and as often as there are more.
private struct History: Sendable {
    private static let pageCount = 1000

    private let isCut: Bool
    private let condition: SQL
    private let format: HistoryFormat
    private var next: Position
    private var names = PartnerNames()
    private var writer: HistoryWriter

    /// - Parameter limit: Only so many of those that there are now.
    init(_ condition: SQL, limit: Int?, _ format: HistoryFormat, in session: inout PostgresSession) throws {
        self.condition = condition
        self.format = format
        writer = HistoryWriter(format)
        var next = Position.first
        var isCut = false
        if let limit {
            let older = try session.query(
                """
                SELECT e.position
                FROM ledger.event AS e
                WHERE \(condition)
                ORDER BY e.position DESC
                OFFSET \(Int64(limit))
                LIMIT 1
                """
            )
            if let row = older.first {
                next = try row[0, as: Position.self].next
                isCut = true
            }
        }
        self.next = next
        self.isCut = isCut
    }

    /// Prints what has come since the last time, in order of position.
    mutating func printNew(in session: inout PostgresSession) throws {
        // What comes in meanwhile is for the next time: a busy ledger would never be done.
        let end = try LedgerReader.size(in: &session)
        while Console.outputFault == nil, next < end {
            let page: SQL = "\(condition) AND e.position >= \(next) AND e.position < \(end)"
            let events = try LedgerReader.events(where: page, limit: Self.pageCount, in: &session)
            writer.add(try names.entries(of: events, in: &session))
            guard events.count == Self.pageCount, let last = events.last else {
                next = end
                return
            }
            next = last.position.next
        }
    }

    mutating func finish() {
        writer.finish()
        if isCut, format == .table { Console.note("Older events are not shown; --limit N shows more") }
    }
}
