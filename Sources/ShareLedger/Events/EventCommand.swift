import Arguments
import Cryptography
import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing

private let event = Command.Positional("EVENT", help: "Its position, or its id")
private let raw = Flag("raw", help: "Print stored bytes as they are, and record that they were read")
private let part = Option<PartName>(choosing: "part", help: "Which bytes --raw prints", defaultText: "body")

let eventCommand = Command(
    "event",
    summary: "Single events of the ledger",
    subcommands: [
        Command(
            "show",
            summary: "Show one event: its leaf, its parts, what they say",
            discussion: """
                The leaf is the text that the event's hash is made of; its parts are checked against it: held, damaged, erased
                by an event that names them, or missing. The exit status is 1 where anything is damaged or missing. Bodies, which may
                hold what customers wrote, are shown by --raw only: before it prints them it records in the ledger who reads
                what. Where a credential stood, stored bytes hold [secret].
                """,
            examples: [
                .init("event show 1042", "The event at a position"),
                .init("event show 019c1f2e-7a40-7c11-9a6e-0d5c31f2b7a4 --json", "By its id, for a program"),
                .init("event show 1042 --raw --reason 'case 77' > body.json", "The body as it was received"),
            ],
            positionals: [event],
            options: Options.common + [raw, part, Options.reason, Options.json],
        ) { arguments in
            let selection = try EventSelection(try arguments.required(event))
            let isRaw = arguments[raw]
            guard !isRaw || !arguments[Options.json] else { throw UsageError("--raw and --json exclude each other") }
            guard isRaw || arguments[part] == nil else { throw UsageError("--part goes with --raw") }
            return try await Workspace.with(arguments) { workspace in
                if isRaw {
                    return try await workspace.store { store in
                        try await printBytes(of: selection, arguments, store)
                    }
                }
                let page = try await workspace.session { session in
                    try EventPage(of: selection.found(in: &session), in: &session)
                }
                if arguments[Options.json] {
                    JSONText.print { page.write(to: &$0) }
                } else {
                    Console.print(page.text)
                }
                return page.isSound ? 0 : 1
            }
        }
    ],
)

/// Records who reads which bytes, then prints them.
private func printBytes(of selection: EventSelection, _ arguments: ParsedArguments, _ store: Store) async throws
    -> Int32
{
    let name = arguments[part] ?? .body
    let found = try await store.read { session in try selection.found(in: &session) }
    let checked = try await store.read { session in try CheckedParts(of: [found], named: [name], in: &session) }
    let fault = checked.faults[PartPlace(found.position, name)].map { PartFault(PartPlace(found.position, name), $0) }
    guard let bytes = checked.parts[found.position]?[name]?.content else {
        if let fault { throw CommandFailure("\(fault): compare with a backup") }
        let was = found.parts.contains { $0.name == name }
        let why =
            was
            ? "the part \(name.rawValue) of event \(found.position) is erased"
            : "event \(found.position) has no \(name.rawValue)"
        throw CommandFailure(why, status: 66)
    }
    let by = Workspace.operatorName
    let reason = arguments[Options.reason]
    let receipt = try await store.appender.append(StateKeys(), byteCount: 1024) { transaction in
        transaction.recordPayloadRead(of: found.receipt, part: name, operator: by, reason: reason)
    }
    Console.print(raw: bytes)
    Console.note("Recorded at position \(receipt.position) that \(by) read this")
    guard let fault else { return 0 }
    Console.note("These are not the bytes that were recorded: \(fault)")
    return 1
}

/// How an event is named on a command line.
private enum EventSelection: Sendable {
    case position(Position)
    case id(EventID)

    init(_ text: String) throws {
        if let number = Int64(text), number >= 0 {
            self = .position(Position(rawValue: number))
        } else if let id = EventID(text) {
            self = .id(id)
        } else {
            throw UsageError("\(text.debugDescription) is neither a position such as 1042 nor the id of an event")
        }
    }

    func found(in session: inout PostgresSession) throws -> StoredEvent {
        let (event, name) =
            switch self {
            case .position(let position): (try LedgerReader.event(at: position, in: &session), "\(position)")
            case .id(let id): (try LedgerReader.event(id, in: &session), "\(id)")
            }
        if let event { return event }
        let size = try LedgerReader.size(in: &session)
        let extent = size == .first ? "the ledger is empty" : "the last one is at position \(size.rawValue - 1)"
        throw CommandFailure("there is no event \(name); \(extent)", status: 66)
    }
}
