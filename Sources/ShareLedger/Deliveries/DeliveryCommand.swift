import Arguments
import Delivery
import Ledger
import LedgerStore
import Postgres
import Sharing

let deliveryCommand = Command(
    "delivery",
    summary: "Messages on their way: what waits, why, and what to do about it",
    subcommands: [DeliveryCommands.list, DeliveryCommands.show, DeliveryCommands.retry, DeliveryCommands.skip],
)

/// The commands on the queue; each delivery has a number in it.
enum DeliveryCommands {
    private static let ids = Command.Positional(
        "ID",
        help: "Numbers of deliveries, as 'delivery list' shows them",
        isOptional: true,
        isRepeated: true
    )
    private static let id = Command.Positional("ID", help: "The delivery's number, as 'delivery list' shows it")
    private static let partner = Option<String>("partner", "NAME", help: "Only those of agreements with this partner")
    private static let agreement = Option<String>("agreement", "UUID", help: "Only those of this agreement")
    private static let state = Option<DeliveryList.Selection>(
        choosing: "state",
        help: "Only those that stand like this"
    )
    private static let all = Flag("all", help: "All that wait or are parked, whoever they are for")
    private static let limit = Option<Int>(
        "limit",
        "N",
        in: 1...1_000_000_000,
        help: "Only the first so many",
        defaultText: "1000; with --json all"
    )

    static let list = Command(
        "list",
        summary: "List what is on its way, and what keeps it",
        discussion: """
            In the order in which it came into the queue. Of each share, and of each agreement's own messages, only the first
            is tried; the others follow it in order. What was delivered is gone from here: audit.delivery has it.
            """,
        examples: [
            .init("delivery list --state parked", "What waits for a decision"),
            .init(
                "delivery list --partner lenswerk --json",
                "All that is for lenswerk, or came from it, for a program"
            ),
        ],
        options: Options.common + [partner, agreement, state, limit, Options.json],
    ) { arguments in
        try await Workspace.with(arguments) { workspace in
            try await workspace.session { session in
                var condition = try scope(arguments, in: &session)
                if let state = arguments[state] { condition += " AND q.state = \(state.rawValue)" }
                let list = DeliveryList(condition: condition, limit: arguments[limit], isJSON: arguments[Options.json])
                try list.print(in: &session)
            }
            return 0
        }
    }

    static let show = Command(
        "show",
        summary: "Show one delivery, what keeps it and what to do",
        examples: [.init("delivery show 17", "Why number 17 is not there yet")],
        positionals: [id],
        options: Options.common + [Options.json],
    ) { arguments in
        let wanted = try number(try arguments.required(id))
        return try await Workspace.with(arguments) { workspace in
            let page = try await workspace.session { session in
                try DeliveryPage(of: try Self.delivery(wanted, in: &session), in: &session)
            }
            page.print(arguments)
            return 0
        }
    }

    static let retry = Command(
        "retry",
        summary: "Have what waits or is parked tried at once",
        discussion: """
            Makes the first delivery of each lane due now, with all its tries; what is behind it follows by itself. 'shareledger
            serve' sees it within seconds. To a partner that is out it sends one at a time, the first one at once, and the others
            once that is answered; to one that is paused it sends nothing. Each is an event delivery.resumed with the reason.
            """,
        examples: [
            .init("delivery retry 17 --reason 'they have mended it'", "One that was refused"),
            .init("delivery retry --partner lenswerk --reason 'back after an outage'", "All that waits for a partner"),
        ],
        positionals: [ids],
        options: Options.common + [partner, agreement, all, Options.reason, Options.json],
    ) { arguments in
        let numbers = try arguments.all(ids).map(number)
        let ways = [!numbers.isEmpty, arguments[partner] != nil, arguments[agreement] != nil, arguments[all]]
        guard ways.count(where: { $0 }) == 1 else {
            throw UsageError("name one of ID…, --partner NAME, --agreement UUID and --all")
        }
        let warrant = try Workspace.warrant(arguments)
        return try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in
                let condition = try await store.read { session -> SQL in
                    guard numbers.isEmpty else {
                        for number in numbers { try expectRetriable(number, in: &session) }
                        return "q.delivery_id = ANY (\(numbers))"
                    }
                    return try scope(arguments, in: &session)
                }
                let outcome = try await DeliveryOrders(store: store, warrant: warrant).retry(where: condition)
                let held = try await store.read { session in
                    try QueuedDelivery.all(where: "\(condition) AND q.is_head AND p.paused", limit: 1, in: &session)
                        .first
                }
                OrderReport(outcome, verb: "due now").print(arguments)
                if outcome.count > 0 { Console.note("A running 'shareledger serve' sees it within seconds") }
                if let held, held.lane.destination.kind == .partner {
                    Console.note(
                        "\(held.partner) is paused: nothing goes to it before 'shareledger partner resume \(held.partner)'"
                    )
                }
                return 0
            }
        }
    }

    static let skip = Command(
        "skip",
        summary: "Give a delivery up, so that the next one of its lane goes",
        discussion: """
            The message stays in the ledger and is not sent any more; a delivery.skipped event says who gave it up and why. Only
            the first of a lane can be skipped. What follows goes on without it: 'reconstruct SHARE --view partner' shows what
            the partner holds, 'replay SHARE --mode state' brings it up to date.
            """,
        examples: [.init("delivery skip 17 --reason 'they closed it by hand'", "Let the next message of its share go")],
        positionals: [id],
        options: Options.common + [Options.reason, Options.json],
    ) { arguments in
        let number = try number(try arguments.required(id))
        let warrant = try Workspace.warrant(arguments)
        return try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in
                let delivery = try await store.read { session in
                    let delivery = try Self.delivery(number, in: &session)
                    try expectFirst(delivery, in: &session)
                    return delivery
                }
                let outcome = try await DeliveryOrders(store: store, warrant: warrant).skip(delivery)
                guard outcome.count > 0 else {
                    throw CommandFailure(
                        "delivery \(number) is being tried at this moment; nothing is recorded",
                        status: 75
                    )
                }
                OrderReport(outcome, verb: "given up").print(arguments)
                if delivery.ticket != nil, delivery.lane.destination.kind == .partner {
                    let share = delivery.subject
                    Console.note(
                        "'shareledger reconstruct \(share) --view partner' shows what \(delivery.partner) holds without it"
                    )
                }
                return 0
            }
        }
    }
}

// MARK: - What is meant

extension DeliveryCommands {
    private static func number(_ text: String) throws -> Int64 {
        guard let number = Int64(text), number > 0 else {
            throw UsageError(
                "\(text.debugDescription) is no delivery: give a number that 'shareledger delivery list' shows"
            )
        }
        return number
    }

    /// The condition on `a` (agreement) that the options come to.
    private static func scope(_ arguments: ParsedArguments, in session: inout PostgresSession) throws -> SQL {
        var condition: SQL = "true"
        if let name = arguments[partner] {
            condition += try " AND a.partner_id = \(Lookup.partner(name, in: &session).id)"
        }
        if let text = arguments[agreement] {
            condition += try " AND a.stream_id = \(Lookup.agreement(text, in: &session).stream)"
        }
        return condition
    }

    private static func delivery(_ number: Int64, in session: inout PostgresSession) throws -> QueuedDelivery {
        guard let found = try QueuedDelivery.all(where: "q.delivery_id = \(number)", in: &session).first else {
            let advice = "it is delivered or given up, or never was; 'shareledger delivery list' shows all"
            throw CommandFailure("there is no delivery \(number) in the queue: \(advice)", status: 66)
        }
        return found
    }

    private static func expectFirst(_ delivery: QueuedDelivery, in session: inout PostgresSession) throws {
        guard delivery.state == .behind else { return }
        let first = try delivery.first(in: &session).map { "delivery \($0.rawValue)" } ?? "another"
        throw CommandFailure("delivery \(delivery.id.rawValue) waits behind others of its lane: \(first) goes first")
    }

    private static func expectRetriable(_ number: Int64, in session: inout PostgresSession) throws {
        let found = try delivery(number, in: &session)
        try expectFirst(found, in: &session)
        if found.state == .claimed {
            throw CommandFailure("delivery \(number) \(found.standing())", status: 75)
        }
    }
}
