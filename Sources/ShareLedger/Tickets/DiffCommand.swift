import Arguments
import JSON
import Ledger
import Postgres
import Projections
import Sharing
import TicketSharing

private let share = Command.Positional("SHARE", help: Lookup.shareHelp)
private let from = Option<Moment>(
    "from",
    "MOMENT",
    help: "As it was then: a time with a zone, or a position",
    defaultText: "before it was shared",
    parse: Moment.init
)
private let to = Option<Moment>(
    "to",
    "MOMENT",
    help: "And then: a time with a zone, or a position",
    defaultText: "now",
    parse: Moment.init
)

let diffCommand = Command(
    "diff",
    summary: "Show what became of a shared ticket between two moments, and by whose message",
    discussion: """
        A row for each member whose value is another one, with the last message that changed it and who acted, as the
        message says; then the comments that came. Moments go by when messages were recorded here; a position counts with its
        own event. --view partner compares what the partner held. The exit status is 1 where a message could not be folded.
        """,
    examples: [
        .init("diff ae7d/3a71 --from 2026-01-31T12:00:00Z", "What has changed since"),
        .init("diff ae7d/3a71 --from 1042 --to 1055 --view partner", "What came to the partner between two events"),
    ],
    positionals: [share],
    options: Options.common + [from, to, ReconstructOptions.view, Options.json],
) { arguments in
    let text = try arguments.required(share)
    let view = arguments[ReconstructOptions.view] ?? .us
    return try await Workspace.with(arguments) { workspace in
        let page = try await workspace.session { session in
            let found = try Lookup.share(text, in: &session)
            let first =
                try arguments[from].map { try asOf($0, in: &session) }
                ?? .position(Position(rawValue: found.id.rawValue - 1))
            let difference = try ShareDifference.between(
                first,
                try asOf(arguments[to], in: &session),
                agreement: found.agreement.agreement.id,
                ticket: found.ticket,
                view: view,
                in: &session,
            )
            guard let difference else {
                throw CommandFailure(
                    "\(found.name) was not \(view == .us ? "shared" : "known to the partner") yet at the second moment",
                    status: 66
                )
            }
            return DifferencePage(difference)
        }
        page.print(arguments)
        return page.isComplete ? 0 : 1
    }
}

/// A difference as it is printed.
struct DifferencePage: Sendable {
    private let difference: ShareDifference

    init(_ difference: ShareDifference) {
        self.difference = difference
    }

    var isComplete: Bool { difference.faults.isEmpty }

    func print(_ arguments: ParsedArguments) {
        if arguments[Options.json] {
            JSONText.print(write)
        } else if difference.isEmpty {
            Console.note("Nothing is different")
        } else {
            Console.print(table.text)
        }
        for fault in difference.faults { Console.note("\(fault.isDamage ? "Damaged" : "Missing"): \(fault)") }
    }

    private var table: TextTable {
        var table = TextTable(["position", "by", "member", "old", "new"])
        for member in difference.members {
            table.add([
                member.origin.map { "\($0.position)" },
                member.origin.map { Self.author($0.direction, $0.actor) },
                member.name,
                member.old.map(Self.value),
                member.new.map(Self.value),
            ])
        }
        for comment in difference.comments {
            table.add([
                "\(comment.held.position)",
                Self.author(comment.held.direction, comment.comment.author?.name),
                comment.comment.isPublic ? "comment" : "private comment",
                nil,
                comment.comment.body.map { TerminalText.shortened($0, to: 60) },
            ])
        }
        return table
    }

    private static func author(_ direction: Direction, _ name: String?) -> String {
        let side = direction == .inbound ? "partner" : "desk"
        return name.map { "\(side): \(TerminalText.shortened($0, to: 30))" } ?? side
    }

    private static func value(_ json: [UInt8]) -> String {
        TerminalText.shortened(String(decoding: json, as: UTF8.self), to: 60)
    }

    private func write(_ object: inout JSONWriter) {
        object.name("members")
        object.array { array in
            for member in difference.members {
                array.object { object in
                    object.member("member", member.name)
                    object.name("old")
                    object.raw(member.old ?? Array("null".utf8))
                    object.name("new")
                    object.raw(member.new ?? Array("null".utf8))
                    object.optional("position", member.origin?.position.rawValue)
                    object.optional("direction", member.origin?.direction.rawValue)
                    object.optional("actor", member.origin?.actor)
                }
            }
        }
        object.name("comments")
        object.array { array in
            for comment in difference.comments {
                array.object { object in
                    object.member("comment", comment.held.id.text)
                    object.member("public", comment.comment.isPublic)
                    object.optional("author", comment.comment.author?.name)
                    object.optional("body", comment.comment.body)
                    object.member("position", comment.held.position.rawValue)
                    object.member("direction", comment.held.direction.rawValue)
                    object.optional("partner_since", comment.held.partnerSince?.rawValue)
                }
            }
        }
        object.member("complete", isComplete)
    }
}
