import Arguments
import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TicketSharing

private let share = Command.Positional("SHARE", help: Lookup.shareHelp)
private let agreement = Option<String>("agreement", "UUID", help: "Only tickets under this agreement")
private let partner = Option<String>("partner", "NAME", help: "Only tickets shared with this partner")
private let status = Option<String>("status", "STATUS", help: "Only tickets of this status, such as open")
private let orphans = Flag("orphans", help: "Only tickets that are not shared any more")
private let limit = Option<Int>(
    "limit",
    "N",
    in: 1...1_000_000_000,
    help: "Only so many, those that changed last",
    defaultText: "1000; with --json all"
)

let ticketCommand = Command(
    "ticket",
    summary: "Tickets that are shared",
    subcommands: [
        Command(
            "list",
            summary: "List the shares: tickets under their agreements",
            examples: [
                .init("ticket list --partner lenswerk", "What we share with lenswerk, and it with us"),
                .init("ticket list --agreement ae7d --orphans", "What was unshared and stayed with the receiver"),
            ],
            options: Options.common + [agreement, partner, status, orphans, limit, Options.json],
        ) { arguments in
            try await Workspace.with(arguments) { workspace in
                try await workspace.session { session in try TicketList.print(arguments, in: &session) }
                return 0
            }
        },
        Command(
            "show",
            summary: "Show one share as it stands, and what is still on its way",
            discussion: """
                Stored bytes are held against the commitments in their events. What a message said that is damaged is left
                out and named, and the exit status is 1.
                """,
            examples: [.init("ticket show ae7d/3a71", "The ticket, who holds which comment, what waits")],
            positionals: [share],
            options: Options.common + [Options.json],
        ) { arguments in
            let text = try arguments.required(share)
            return try await Workspace.with(arguments) { workspace in
                let page = try await workspace.session { session in
                    let found = try Lookup.share(text, in: &session)
                    return try SharePage(of: found, asOf: .now, withDeliveries: true, in: &session)
                }
                if arguments[Options.json] {
                    JSONText.print { page.write(to: &$0) }
                } else {
                    Console.print(page.text)
                }
                return page.isComplete ? 0 : 1
            }
        },
    ],
)

/// Shares as they stand, those that changed last first.
private enum TicketList {
    /// Nobody reads the rest.
    private struct Unread: Error {}

    static func print(_ arguments: ParsedArguments, in session: inout PostgresSession) throws {
        let isJSON = arguments[Options.json]
        let limit = arguments[limit].map { Int64($0) } ?? (isJSON ? nil : 1000)
        var list = JSONList()
        var table = TextTable([
            "agreement", "ticket", "partner", "status", "shared", "comments", "last change", "subject",
        ])
        var count = 0
        do {
            try session.forEachRow(statement(condition(arguments, in: &session), limit: limit)) { row in
                let ticket = try Entry(row)
                if isJSON {
                    list.add { ticket.write(to: &$0) }
                } else {
                    table.add(ticket.cells)
                    count += 1
                    if count.isMultiple(of: 1000) { Console.print(table.take()) }
                }
                guard Console.outputFault == nil else { throw Unread() }
            }
        } catch is Unread {
            return
        }
        if isJSON {
            list.finish()
        } else {
            Console.print(table.take())
        }
        try noteLag(in: &session)
    }

    /// Says that subjects and counts of comments may be old where messages are not followed yet.
    private static func noteLag(in session: inout PostgresSession) throws {
        let unread = try FollowerProgress.read(in: &session).unreadMessages(in: &session)
        guard unread > 0 else { return }
        let behind = unread == 1 ? "1 message" : "\(unread) messages"
        Console.note("Subjects and counts of comments are \(behind) behind; 'shareledger serve' catches up")
    }

    private static func condition(_ arguments: ParsedArguments, in session: inout PostgresSession) throws -> SQL {
        var condition: SQL = "true"
        if let text = arguments[agreement] {
            condition += try " AND a.stream_id = \(Lookup.agreement(text, in: &session).stream)"
        }
        if let name = arguments[partner] {
            condition += try " AND a.partner_id = \(Lookup.partner(name, in: &session).id)"
        }
        if let status = arguments[status] { condition += " AND h.status = \(status)" }
        if arguments[orphans] { condition += " AND NOT h.shared" }
        return condition
    }

    private static func statement(_ condition: SQL, limit: Int64?) -> SQL {
        let bound: SQL = limit.map { "LIMIT \($0)" } ?? ""
        return """
            SELECT a.agreement, sh.ticket, p.name, h.status, h.shared, h.last_position, h.last_recorded_at,
                t.subject, t.comment_count, t.public_comment_count, sh.share_id
            FROM projection.ticket_head AS h
            JOIN ledger.share AS sh ON sh.share_id = h.share_id
            JOIN projection.agreement AS a ON a.stream_id = sh.stream_id
            LEFT JOIN projection.partner AS p ON p.partner_id = a.partner_id
            LEFT JOIN projection.ticket AS t ON t.share_id = h.share_id
            WHERE \(condition)
            ORDER BY h.last_position DESC
            \(bound)
            """
    }

    private struct Entry {
        let agreement: String
        let ticket: String
        let partner: String?
        let status: String?
        let isShared: Bool
        let last: Position
        let recorded: Timestamp
        let subject: String?
        let commentCount: Int32?
        let publicCommentCount: Int32?
        let first: Position

        init(_ row: Row) throws(PostgresError) {
            agreement = try row[0, as: String.self]
            ticket = try row[1, as: String.self]
            partner = try row[2, as: String?.self]
            status = try row[3, as: String?.self]
            isShared = try row[4, as: Bool.self]
            last = try row[5, as: Position.self]
            recorded = try row[6, as: Timestamp.self]
            subject = try row[7, as: String?.self]
            commentCount = try row[8, as: Int32?.self]
            publicCommentCount = try row[9, as: Int32?.self]
            first = try row[10, as: Position.self]
        }

        var cells: [String?] {
            [
                ShortIdentifier.of(agreement), ShortIdentifier.of(ticket), partner, status, isShared ? "yes" : "orphan",
                commentCount.map { "\($0)" }, "\(recorded)", subject.map { TerminalText.shortened($0, to: 60) },
            ]
        }

        func write(to object: inout JSONWriter) {
            object.member("agreement", agreement)
            object.member("ticket", ticket)
            object.optional("partner", partner)
            object.optional("status", status)
            object.member("shared", isShared)
            object.optional("subject", subject)
            object.optional("comments", commentCount.map { Int64($0) })
            object.optional("public_comments", publicCommentCount.map { Int64($0) })
            object.member("first_position", first.rawValue)
            object.member("last_position", last.rawValue)
            object.member("recorded_at", "\(recorded)")
        }
    }
}
