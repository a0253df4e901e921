import Arguments
import JSON
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
    defaultText: "1000; with --json all"
)

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
    ],
    positionals: [share],
    options: Options.common + EventFilter.options + [limit, Options.json],
) { arguments in
    let filter = EventFilter(arguments, share: arguments[share])
    let isJSON = arguments[Options.json]
    let limit = arguments[limit] ?? (isJSON ? nil : 1000)
    return try await Workspace.with(arguments) { workspace in
        let isCut = try await workspace.session { session in
            let condition = try filter.condition(in: &session)
            return isJSON
                ? try HistoryPrinter.printJSON(condition, limit: limit, in: &session)
                : try HistoryPrinter.printTable(condition, limit: limit, in: &session)
        }
        if isCut, arguments[Options.json] == false {
            Console.note("Older events are not shown; --limit N shows more")
        }
        return 0
    }
}

/// Prints events a page at a time, however many there are.
private enum HistoryPrinter {
    private static let pageCount = 1000

    static func printTable(_ condition: SQL, limit: Int?, in session: inout PostgresSession) throws -> Bool {
        var table = TextTable([
            "position", "recorded at", "type", "dir", "status", "partner", "agreement", "ticket", "reason",
        ])
        let isCut = try forEachPage(condition, limit: limit, in: &session) { entries in
            for entry in entries {
                table.add([
                    "\(entry.event.position)",
                    "\(entry.event.recorded)",
                    entry.event.type.rawValue,
                    entry.event.direction?.rawValue,
                    entry.event.status.map { "\($0)" },
                    entry.partner,
                    entry.event.stream.agreement.map(ShortIdentifier.of),
                    entry.event.ticket.map(ShortIdentifier.of),
                    entry.remark.map { TerminalText.shortened($0, to: 80) },
                ])
            }
            Console.print(table.take())
        }
        Console.print(table.take())
        return isCut
    }

    static func printJSON(_ condition: SQL, limit: Int?, in session: inout PostgresSession) throws -> Bool {
        var list = JSONList()
        let isCut = try forEachPage(condition, limit: limit, in: &session) { entries in
            for entry in entries {
                let event = entry.event
                list.add { object in
                    object.member("position", event.position.rawValue)
                    object.member("event_id", "\(event.event)")
                    object.member("type", event.type.rawValue)
                    object.optional("direction", event.direction?.rawValue)
                    object.optional("agreement", event.stream.agreement)
                    object.optional("ticket", event.ticket)
                    object.optional("partner", entry.partner)
                    object.member("recorded_at", "\(event.recorded)")
                    object.optional("status", event.status.map { Int64($0) })
                    object.optional("reason", entry.reason)
                    if let isPaused = entry.isPaused { object.member("paused", isPaused) }
                    if let state = entry.state { object.member("state", state) }
                }
            }
            list.flush()
        }
        list.finish()
        return isCut
    }

    /// Lends the events in order of position; returns whether older ones were left out.
    private static func forEachPage(
        _ condition: SQL,
        limit: Int?,
        in session: inout PostgresSession,
        _ body: ([HistoryEntry]) -> Void,
    ) throws -> Bool {
        // What comes in meanwhile is not waited for: a busy ledger would never be done.
        let end = try LedgerReader.size(in: &session)
        var next = Position.first
        var isCut = false
        if let limit {
            let older = try session.query(
                """
                SELECT e.position
                FROM ledger.event AS e
                WHERE \(condition)
                    AND e.position < \(end)
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
        var names = PartnerNames()
        while Console.outputFault == nil {
            let page: SQL = "\(condition) AND e.position >= \(next) AND e.position < \(end)"
            let events = try LedgerReader.events(where: page, limit: pageCount, in: &session)
            body(try names.entries(of: events, in: &session))
            guard events.count == pageCount, let last = events.last else { break }
            next = last.position.next
        }
        return isCut
    }
}
