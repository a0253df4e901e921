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
private let rate = Option<Int>(
    "rate",
    "N",
    in: 1...100_000,
    help: "Deliveries a second at most",
    defaultText: "what the partner takes"
)
private let direction = Option<Set<Direction>>(
    "direction",
    "in|out|both",
    help: "Messages from the partner, or from our desk",
    defaultText: "out; to our desk both"
) { text in
    switch text {
    case "both": return [.inbound, .outbound]
    default:
        guard let direction = Direction(rawValue: text) else {
            throw UsageError("--direction takes in, out or both, not \(text.debugDescription)")
        }
        return [direction]
    }
}
private let types = Option<Set<EventType>>(
    "type",
    "TYPE[,…]",
    help: "Messages of these types, such as ticket.updated; ticket and agreement mean all of a kind",
    parse: messageTypes
)
private let unacknowledged = Flag("unacknowledged", help: "What was never answered with success")
private let sinceLastSuccess = Flag(
    "since-last-success",
    help: "In each ticket, what came after the last message that was answered with success"
)
private let destination = Option<String>(
    "destination",
    "partner|desk|URL",
    help: "Where it goes; a URL is that of a sandbox, which gets no credentials",
    defaultText: "partner"
)
private let allowHTTP = Flag("allow-http", help: "Let the sandbox be spoken to without TLS")
private let allowPrivateAddress = Flag("allow-private-address", help: "Let the sandbox have a private or local address")
private let dryRun = Flag("dry-run", help: "Print the plan and stop; nothing is recorded")
private let selection: [any OptionDeclaration] = [
    agreement, partner, from, to, direction, types, unacknowledged, sinceLastSuccess, mode, thenState, destination,
    allowHTTP, allowPrivateAddress, rate,
]

let replayCommand = Command(
    "replay",
    summary: "Send messages to a partner again, in order",
    discussion: """
        What would be sent is planned first, and printed. Mode messages sends the original bytes again; a POST that is
        refused because the ticket exists counts as done. Mode state sends each ticket as it stands, with all its comments:
        that is safe, as partners ignore comments that they know. 'shareledger serve' does the sending, each ticket's
        deliveries in order and before what comes for that ticket meanwhile. A --reason is wanted unless it is only planned.

        --destination desk sends to our own desk, as after it has lost its data: messages from both sides, or the tickets as
        they stand. --destination URL tries a replay out: what would go to the partner goes to that URL instead, with [secret]
        in the place of every credential.
        """,
    examples: [
        .init("replay ae7d/ed46 --dry-run", "What would be sent of one ticket"),
        .init("replay ae7d/ed46 --reason 'the partner restored a backup'", "Send all of one ticket again"),
        .init(
            "replay --partner lenswerk --mode state --rate 20 --reason 'they lost their data'",
            "All tickets as they stand, 20 a second"
        ),
        .init(
            "replay --agreement ae7d --from 2026-01-31T09:00:00Z --to 2026-01-31T15:00:00Z --then-state --reason outage",
            "Six hours of one agreement, then what stands now"
        ),
        .init(
            "replay --partner lenswerk --since-last-success --reason 'they were down'",
            "Of each ticket what they have not answered yet, also where it was given up"
        ),
        .init(
            "replay --agreement ae7d --destination desk --reason 'our desk lost its data'",
            "Tell our desk the agreement's whole story again"
        ),
        .init(
            "replay ae7d/ed46 --destination https://sandbox.example/sharing --reason 'case 77'",
            "Show what a partner would get"
        ),
    ],
    positionals: [share],
    options: Options.common + selection + [Options.reason, dryRun, Options.json],
    subcommands: [planCommand, startCommand] + ReplayJobCommands.all,
) { arguments in
    guard !arguments[dryRun] else { return try await plan(arguments) }
    guard arguments[Options.reason] != nil else {
        throw UsageError("--reason TEXT says why, for the record; --dry-run only plans")
    }
    return try await start(arguments)
}

private let planCommand = Command(
    "plan",
    summary: "Say what a replay would send, and what speaks against it",
    discussion: "Nothing is recorded. It ends with 1 where the replay would be refused.",
    examples: [.init("replay plan --partner lenswerk --from 4711 --rate 20", "How much it is, and how long it takes")],
    positionals: [share],
    options: Options.common + selection + [Options.json],
    run: plan
)

private let startCommand = Command(
    "start",
    summary: "Plan a replay, record it and have it sent",
    discussion: "'shareledger replay SHARE' is short for it.",
    examples: [
        .init("replay start --partner lenswerk --rate 20 --reason 'back after an outage'", "All that we ever sent them")
    ],
    positionals: [share],
    options: Options.common + selection + [Options.reason, Options.json]
) { arguments in
    guard arguments[Options.reason] != nil else {
        throw UsageError("--reason TEXT says why, for the record; 'replay plan' only plans")
    }
    return try await start(arguments)
}

private func plan(_ arguments: ParsedArguments) async throws -> Int32 {
    try await carryOut(arguments) { replayer, request in
        let plan = try await replayer.plan(request)
        ReplayReport(plan).print(arguments)
        return plan.isRefused ? 1 : 0
    }
}

private func start(_ arguments: ParsedArguments) async throws -> Int32 {
    let warrant = try Workspace.warrant(arguments)
    return try await carryOut(arguments) { replayer, request in
        let bar = ProgressBar("Enqueueing")
        defer { bar.finish() }
        let outcome = try await replayer.start(request, warrant) { count, total in
            bar.show(count, of: total, "deliveries", eventCount: count, "deliveries")
        }
        bar.finish()
        return try report(outcome, arguments)
    }
}

private func carryOut(
    _ arguments: ParsedArguments,
    _ work: @escaping @Sendable (Replayer, ReplayRequest) async throws -> Int32,
) async throws -> Int32 {
    let selection = try Selection(arguments)
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            do {
                return try await work(Replayer(store: store), try await selection.request(in: store))
            } catch let error as UnknownReplayScope {
                throw CommandFailure(error.description, status: 66)
            } catch let error as ReplayCancelled {
                throw CommandFailure(
                    "replay \(error.replay) was cancelled while it was enqueued; nothing of it is sent"
                )
            }
        }
    }
}

private func report(_ outcome: Replayer.Outcome, _ arguments: ParsedArguments) throws -> Int32 {
    switch outcome {
    case .refused(let plan):
        ReplayReport(plan).print(arguments)
        return 1
    case .overtaken:
        throw CommandFailure(
            "the messages change faster than they can be planned; nothing is left to be sent of what was recorded, try again",
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
    private let rate: Int?
    private let filter: ReplayRequest.Filter
    private let target: ReplayTarget

    init(_ arguments: ParsedArguments) throws {
        share = arguments[ShareLedger.share]
        agreement = arguments[ShareLedger.agreement]
        partner = arguments[ShareLedger.partner]
        from = arguments[ShareLedger.from]
        to = arguments[ShareLedger.to]
        mode = arguments[ShareLedger.mode] ?? .messages
        endsWithState = arguments[thenState]
        rate = arguments[ShareLedger.rate]
        guard [share, agreement, partner].count(where: { $0 != nil }) == 1 else {
            throw UsageError("name one of SHARE, --agreement UUID and --partner NAME")
        }
        guard mode == .messages || !endsWithState else {
            throw UsageError("--then-state goes with --mode messages; --mode state sends the state alone")
        }
        target = try Self.target(arguments)
        let extent: ReplayRequest.Filter.Extent
        switch (arguments[unacknowledged], arguments[sinceLastSuccess]) {
        case (true, true): throw UsageError("--since-last-success is part of --unacknowledged: give one of them")
        case (true, false): extent = .unacknowledged
        case (false, true): extent = .sinceLastSuccess
        case (false, false): extent = .all
        }
        guard extent == .all || target.kind != .sandbox else {
            throw UsageError("nobody keeps what a sandbox has acknowledged: select with --from and --to")
        }
        filter = ReplayRequest.Filter(directions: arguments[direction], types: arguments[types], extent: extent)
    }

    private static func target(_ arguments: ParsedArguments) throws -> ReplayTarget {
        let text = arguments[destination] ?? Destination.Kind.partner.rawValue
        let (allowsHTTP, allowsPrivateAddress) = (arguments[allowHTTP], arguments[allowPrivateAddress])
        let named = [ReplayTarget.partner, .desk].first { $0.kind.rawValue == text }
        if let named {
            guard !allowsHTTP, !allowsPrivateAddress else {
                throw UsageError(
                    "--allow-http and --allow-private-address are for a sandbox; of partners 'partner set' says it"
                )
            }
            return named
        }
        let url: BaseURL
        do throws(BaseURLFault) {
            url = try BaseURL(text)
        } catch {
            throw UsageError(
                "--destination takes partner, desk or a base URL; \(text.debugDescription) \(error.rawValue)"
            )
        }
        guard url.isSecure || allowsHTTP else {
            throw UsageError("\(text) is not https: personal data would go in clear; --allow-http allows it")
        }
        return .sandbox(.init(url, allowsHTTP: allowsHTTP, allowsPrivateAddress: allowsPrivateAddress))
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
        return ReplayRequest(
            scope,
            from: from?.edge,
            to: to?.edge,
            mode: mode,
            filter: filter,
            target: target,
            endsWithState: endsWithState,
            rate: rate,
        )
    }
}

/// Types of messages that change state, by their names or by what they are about.
private func messageTypes(_ text: String) throws -> Set<EventType> {
    let all = EventType.allCases.filter(\.changesState)
    var found: Set<EventType> = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
        let named = all.filter { $0.rawValue == word || $0.rawValue.hasPrefix("\(word).") }
        guard !named.isEmpty else {
            let names = all.map(\.rawValue).joined(separator: ", ")
            throw UsageError(
                "--type takes ticket, agreement, or some of \(names), not \(String(word).debugDescription)"
            )
        }
        found.formUnion(named)
    }
    return found
}

extension Moment {
    fileprivate var edge: ReplayRequest.Edge {
        switch self {
        case .time(let time): .time(time)
        case .position(let position): .position(position)
        }
    }
}
