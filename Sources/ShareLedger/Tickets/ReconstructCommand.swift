import Arguments
import Ledger
import LedgerStore
import Postgres
import Projections
import TicketSharing

private let share = Command.Positional("SHARE", help: Lookup.shareHelp)
private let time = Option<Moment>("at", "TIME", help: "As it was at this time, such as 2026-01-31T12:00:00Z") { text in
    let moment = try Moment(argument: text)
    guard case .time = moment else {
        throw UsageError("--at takes a time with a zone; --position takes a position")
    }
    return moment
}
private let position = Option<Moment>(
    "position",
    "N",
    help: "As it was with the event at this position, and none after it"
) {
    let moment = try Moment(argument: $0)
    guard case .position = moment else {
        throw UsageError("--position takes a position such as 1042; --at takes a time")
    }
    return moment
}

enum ReconstructOptions {
    static let view = Option<PointOfView>("view", "us|partner", help: "Whose copy", defaultText: "us") { text in
        switch text {
        case "us": return .us
        case "partner": return .partner
        default: throw UsageError("--view takes us or partner, not \(text.debugDescription)")
        }
    }
}

let reconstructCommand = Command(
    "reconstruct",
    summary: "Show a shared ticket as it was at any moment, from its events alone",
    discussion: """
        Folds the share's messages up to the moment, whatever the current state is. --at goes by when messages were recorded
        here: what a help desk says of its own times (requested_at, authored_at) may be earlier. With --json it prints the
        ticket in the protocol's own form, every comment in it. --view partner shows what the partner holds as far as we know:
        all that it wrote, and all that it was sent and has answered with success, in the order in which it came there; what
        a replay has brought comes anew. Stored bytes are held against the commitments in their events: what a message said
        that is damaged is left out and named on stderr, as is what is gone of the share, and the exit status is 1.
        """,
    examples: [
        .init("reconstruct ae7d/3a71", "The ticket as we hold it now"),
        .init("reconstruct ae7d/3a71 --at '2026-01-31 13:00:00 +0100'", "As it was then"),
        .init("reconstruct ae7d/3a71 --position 1042 --view partner --json", "What the partner held, for a program"),
    ],
    positionals: [share],
    options: Options.common + [time, position, ReconstructOptions.view, Options.json],
) { arguments in
    let text = try arguments.required(share)
    guard arguments[time] == nil || arguments[position] == nil else {
        throw UsageError("--at and --position exclude each other")
    }
    let moment = arguments[time] ?? arguments[position]
    let view = arguments[ReconstructOptions.view] ?? .us
    return try await Workspace.with(arguments) { workspace in
        let page = try await workspace.session { session in
            let found = try Lookup.share(text, in: &session)
            return try SharePage(of: found, asOf: asOf(moment, in: &session), view: view, in: &session)
        }
        if arguments[Options.json] {
            Console.print(json: page.ticket + [UInt8(ascii: "\n")])
        } else {
            Console.print(page.text)
        }
        page.warnings.forEach(Console.note)
        return page.isComplete ? 0 : 1
    }
}

/// A moment that the ledger has come to.
func asOf(_ moment: Moment?, in session: inout PostgresSession) throws -> AsOf {
    switch moment {
    case nil: return .now
    case .time(let time):
        guard time <= .now() else {
            Console.note("\(time) is still to come: this is the ticket as it is now")
            return .now
        }
        return .time(time)
    case .position(let position):
        let size = try LedgerReader.size(in: &session)
        guard position < size else {
            throw CommandFailure(
                "there is no position \(position) yet; the last event is at \(size.rawValue - 1)",
                status: 66
            )
        }
        return .position(position)
    }
}
