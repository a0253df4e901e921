import Arguments
import Ledger
import LedgerStore
import Replay
import Sharing
import TicketSharing

private let share = Command.Positional("SHARE", help: Lookup.shareHelp, isOptional: true)
private let agreement = Option<String>(
    "agreement",
    "UUID",
    help: "All of an agreement: its own messages and its tickets'"
)
private let partner = Option<String>("partner", "NAME", help: "All agreements with a partner")
private let from = Option<Moment>(
    "from",
    "MOMENT",
    help: "From this moment on: a time with a zone, or a position",
    parse: Moment.init
)
private let to = Option<Moment>(
    "to",
    "MOMENT",
    help: "Before this moment: a time with a zone, or a position",
    parse: Moment.init
)
private let mode = Option<ReplayRequest.Mode>(
    choosing: "mode",
    help: "The original messages, or the tickets as they stand",
    defaultText: "messages"
)
private let thenState = Flag(
    "then-state",
    help: "End with the tickets as they stand where the range ends before their newest message"
)
private let dryRun = Flag("dry-run", help: "Print the plan and stop; nothing is recorded")

let replayCommand = Command(
    "replay",
    summary: "Send messages to a partner again, in order",
    discussion: """
        What would be sent is planned first, and printed. Mode messages sends the original bytes again; a POST that is
        refused because the ticket exists counts as done. Mode state sends each ticket as it stands, with all its comments:
        that is safe, as partners ignore comments that they know. 'shareledger serve' does the sending. A --reason is wanted
        unless it is only planned.
        """,
    examples: [
        .init("replay ae7d/ed46 --dry-run", "What would be sent of one ticket"),
        .init("replay ae7d/ed46 --reason 'the partner restored a backup'", "Send all of one ticket again"),
        .init("replay --partner lenswerk --mode state --reason 'they lost their data'", "All tickets as they stand"),
        .init(
            "replay --agreement ae7d --from 2026-01-31T09:00:00Z --to 2026-01-31T15:00:00Z --then-state --reason outage",
            "Six hours of one agreement, then what stands now"
        ),
    ],
    positionals: [share],
    options: Options.common + [agreement, partner, from, to, mode, thenState, Options.reason, dryRun, Options.json],
) { arguments in
    let selection = try Selection(arguments)
    let warrant = try warrant(arguments)
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            let request = try await selection.request(in: store)
            let replayer = Replayer(store: store)
            do {
                guard let warrant else {
                    let plan = try await replayer.plan(request)
                    ReplayReport(plan).print(arguments)
                    return plan.isRefused ? 1 : 0
                }
                return try report(try await replayer.start(request, warrant), arguments)
            } catch let error as UnknownReplayScope {
                throw CommandFailure(error.description, status: 66)
            }
        }
    }
}

/// The reason on record; `nil` for a plan alone.
private func warrant(_ arguments: ParsedArguments) throws -> Warrant? {
    guard !arguments[dryRun] else { return nil }
    guard arguments[Options.reason] != nil else {
        throw UsageError("--reason TEXT says why, for the record; --dry-run only plans")
    }
    return try Workspace.warrant(arguments)
}

private func report(_ outcome: Replayer.Outcome, _ arguments: ParsedArguments) throws -> Int32 {
    switch outcome {
    case .refused(let plan):
        ReplayReport(plan).print(arguments)
        return 1
    case .overtaken:
        throw CommandFailure(
            "the messages change faster than they can be planned; nothing is recorded, try again",
            status: 75
        )
    case .started(let plan, let started):
        ReplayReport(plan, started).print(arguments)
        return 0
    }
}

/// What the command line selects, before it is known what that names.
private struct Selection: Sendable {
    private let share: String?
    private let agreement: String?
    private let partner: String?
    private let from: Moment?
    private let to: Moment?
    private let mode: ReplayRequest.Mode
    private let endsWithState: Bool

    init(_ arguments: ParsedArguments) throws {
        share = arguments[ShareLedger.share]
        agreement = arguments[ShareLedger.agreement]
        partner = arguments[ShareLedger.partner]
        from = arguments[ShareLedger.from]
        to = arguments[ShareLedger.to]
        mode = arguments[ShareLedger.mode] ?? .messages
        endsWithState = arguments[thenState]
        guard [share, agreement, partner].count(where: { $0 != nil }) == 1 else {
            throw UsageError("name one of SHARE, --agreement UUID and --partner NAME")
        }
        guard mode == .messages || !endsWithState else {
            throw UsageError("--then-state goes with --mode messages; --mode state sends the state alone")
        }
    }

    func request(in store: Store) async throws -> ReplayRequest {
        let (share, agreement, partner) = (share, agreement, partner)
        let scope = try await store.read { session -> ReplayRequest.Scope in
            if let share {
                let found = try Lookup.share(share, in: &session)
                return .share(found.agreement.agreement.id, found.ticket)
            }
            if let agreement { return .agreement(try Lookup.agreement(agreement, in: &session).agreement.id) }
            return .partner(partner ?? "")
        }
        return ReplayRequest(scope, from: from?.edge, to: to?.edge, mode: mode, endsWithState: endsWithState)
    }
}

extension Moment {
    fileprivate var edge: ReplayRequest.Edge {
        switch self {
        case .time(let time): .time(time)
        case .position(let position): .position(position)
        }
    }
}
