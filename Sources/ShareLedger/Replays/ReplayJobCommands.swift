import Arguments
import Delivery
import JSON
import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing

/// What is done with replays that are on record.
enum ReplayJobCommands {
    private static let id = Command.Positional("REPLAY", help: "The replay's position, as 'replay list' shows it")

    static let all = [
        list, show, watch,
        order(
            "pause",
            .pause,
            summary: "Hold a replay back",
            discussion: """
                What is under way ends, nothing more is sent. What comes for the same tickets meanwhile waits behind it, so that
                the partner hears everything in order; 'replay cancel' lets it pass.
                """,
            isReasonWanted: false,
            done: "is paused"
        ),
        order("resume", .resume, summary: "Let a paused replay go on", isReasonWanted: false, done: "goes on"),
        order(
            "cancel",
            .cancel,
            summary: "Give up what is left of a replay",
            discussion: "What is under way ends, nothing more is sent, and what waits behind it goes.",
            isReasonWanted: true,
            done: "is cancelled"
        ),
    ]

    private static let list = Command(
        "list",
        summary: "List the replays",
        examples: [.init("replay list", "All of them, the newest last, and how far they have come")],
        options: Options.common + [Options.json],
    ) { arguments in
        let jobs = try await Workspace.with(arguments) { workspace in
            try await workspace.session { session in try ReplayJob.all(in: &session) }
        }
        if arguments[Options.json] {
            Console.print(json: JSONText.lines(jobs) { $0.write(to: &$1) })
        } else {
            printTable(jobs)
        }
        return 0
    }

    private static let show = Command(
        "show",
        summary: "Show one replay, and how far it has come",
        examples: [.init("replay show 4711", "What it sends, what is left of it, and what keeps it")],
        positionals: [id],
        options: Options.common + [Options.json],
    ) { arguments in
        let wanted = try position(arguments)
        let job = try await Workspace.with(arguments) { workspace in
            try await workspace.session { session in try Self.job(wanted, in: &session) }
        }
        if arguments[Options.json] {
            JSONText.print { job.write(to: &$0) }
        } else {
            Console.print(PageFields.text(job.fields))
        }
        return 0
    }

    private static let watch = Command(
        "watch",
        summary: "Watch a replay until it is done",
        discussion: """
            A bar on a terminal, nothing elsewhere. It ends with 0 where every item was delivered, and with 1 where some were
            not, or none can be before somebody decides about those that are parked. A paused replay is waited for.
            """,
        examples: [.init("replay watch 4711", "Its progress, rate and the time that is left")],
        positionals: [id],
        options: Options.common + [Options.json],
    ) { arguments in
        let wanted = try position(arguments)
        let job = try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in try await follow(wanted, in: store) }
        }
        if arguments[Options.json] {
            JSONText.print { job.write(to: &$0) }
        } else {
            Console.print(PageFields.text(job.fields))
        }
        return job.ended[.delivered] == job.itemCount ? 0 : 1
    }

    /// Looks once a second until it has ended or stands still.
    private static func follow(_ wanted: Position, in store: Store) async throws -> ReplayJob {
        let bar = ProgressBar("Replay \(wanted)")
        defer { bar.finish() }
        var before: Int?
        while true {
            let job = try await store.read { session in try Self.job(wanted, in: &session) }
            guard job.finished == nil, !job.standsStill else { return job }
            let count = job.endedCount - (before ?? job.endedCount)
            before = before ?? job.endedCount
            bar.show(job.endedCount, of: job.itemCount, "deliveries", eventCount: count, "deliveries")
            try await Task.sleep(for: .seconds(1))
        }
    }

    private static func order(
        _ word: String,
        _ action: ReplayControl.Action,
        summary: String,
        discussion: String = "",
        isReasonWanted: Bool,
        done: String,
    ) -> Command {
        Command(
            word,
            summary: summary,
            discussion: discussion,
            examples: [.init("replay \(word) 4711 --reason 'case 77'", "\(summary), and say why")],
            positionals: [id],
            options: Options.common + [Options.reason, Options.json],
        ) { arguments in
            let wanted = try position(arguments)
            let reason = isReasonWanted ? try Workspace.warrant(arguments).reason : try Workspace.reason(arguments)
            let by = Workspace.operatorName
            return try await Workspace.with(arguments) { workspace in
                try await workspace.store { store in
                    _ = try await store.read { session in try Self.job(wanted, in: &session) }
                    let control = ReplayControl(store: store, operator: by, reason: reason)
                    let receipt = try await control.carryOut(action, on: wanted)
                    if case .cancel = action { try await CancelledReplays.sweep(store) }
                    let job = try await store.read { session in try Self.job(wanted, in: &session) }
                    if arguments[Options.json] {
                        JSONText.print { job.write(to: &$0) }
                    } else {
                        Console.print("Replay \(wanted) \(done), recorded at position \(receipt.position)\n")
                        if case .cancel = action, let count = job.ended[.cancelled], count > 0 {
                            Console.note("\(count) of its items are not sent\(remedy(for: job))")
                        }
                    }
                    return 0
                }
            }
        }
    }

    /// What brings the target up to date after a part of a replay; at a sandbox nothing has to be.
    private static func remedy(for job: ReplayJob) -> String {
        let doctor = "'shareledger doctor --all' names what is lost"
        return switch job.destination {
        case .partner: "; 'shareledger replay --mode state' brings tickets up to date, \(doctor)"
        case .desk: "; 'shareledger replay --mode state --destination desk' brings tickets up to date, \(doctor)"
        case .sandbox: ""
        }
    }

    private static func position(_ arguments: ParsedArguments) throws -> Position {
        let text = try arguments.required(id)
        guard let number = Int64(text), number >= 0 else {
            throw UsageError("\(text.debugDescription) is no replay's position; 'shareledger replay list' shows them")
        }
        return Position(rawValue: number)
    }

    private static func job(_ wanted: Position, in session: inout PostgresSession) throws -> ReplayJob {
        guard let job = try ReplayJob.at(wanted, in: &session) else {
            throw CommandFailure("there is no replay \(wanted); 'shareledger replay list' shows all", status: 66)
        }
        return job
    }

    private static func printTable(_ jobs: [ReplayJob]) {
        var table = TextTable([
            "replay", "requested at", "state", "mode", "partner", "to", "items", "delivered", "waiting", "parked",
            "given up",
            "reason",
        ])
        for job in jobs {
            table.add([
                "\(job.id)",
                "\(job.requested)",
                job.standsStill ? "stands still" : job.state.rawValue,
                job.mode.rawValue,
                job.partners,
                job.destination.rawValue,
                "\(job.itemCount)",
                "\(job.ended[.delivered] ?? 0)",
                "\(job.waitingCount + job.claimedCount)",
                "\(job.parkedCount)",
                "\(job.endedCount - (job.ended[.delivered] ?? 0))",
                TerminalText.shortened(job.reason, to: 60),
            ])
        }
        Console.print(table.text)
    }
}
