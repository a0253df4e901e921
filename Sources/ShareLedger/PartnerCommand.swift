import Arguments
import JSON
import Ledger
import LedgerStore
import Sharing
import TicketSharing

private let name = Command.Positional("NAME", help: "The partner's short name: \(PartnerRecord.nameForm)")
private let url = Option<BaseURL>("url", "URL", help: "The partner's base URL") { text in
    do throws(BaseURLFault) {
        return try BaseURL(text)
    } catch {
        throw UsageError("--url takes a base URL such as https://desk.example/sharing: \(error.rawValue)")
    }
}
private let dialect = Option<Dialect>(choosing: "dialect", help: "What its software expects", defaultText: "standard")
private let allowPrivateAddress = Flag(
    "allow-private-address",
    help: "Its name may resolve to an address that is not public"
)
private let allowHTTP = Flag("allow-http", help: "It may be spoken to without TLS")
private let concurrency = Option<Int>(
    "concurrency",
    "N",
    in: 1...1000,
    help: "Requests to it at a time",
    defaultText: "4"
)

let partnerCommand = Command(
    "partner",
    summary: "Help desks that we share with",
    subcommands: [
        Command(
            "add",
            summary: "Add a partner, or accept and name a proposed one",
            examples: [
                .init(
                    "partner add lenswerk --url https://rt.lenswerk.example/NoAuth/NHD/1.0 --dialect rt",
                    "A partner that runs RT"
                )
            ],
            positionals: [name],
            options: Options.common + [url, dialect, allowPrivateAddress, allowHTTP, concurrency, Options.json],
        ) { arguments in
            var settings = PartnerSettings(name: try arguments.required(name), url: try arguments.required(url))
            settings.dialect = arguments[dialect] ?? .standard
            settings.allowsPrivateAddress = arguments[allowPrivateAddress]
            settings.allowsHTTP = arguments[allowHTTP]
            settings.concurrency = arguments[concurrency] ?? PartnerRecord.standardConcurrency
            let wanted = settings
            let by = Workspace.operatorName
            return try await Workspace.with(arguments) { workspace in
                try await workspace.store { store in
                    let added = try await store.appender.append(StateKeys(), byteCount: 1024) { transaction in
                        Result { () throws(OperatorFault) in try transaction.acceptPartner(wanted, operator: by) }
                    }
                    let (partner, receipt) = try added.get()
                    show(partner, arguments, title: "Recorded at position \(receipt.position)")
                    return 0
                }
            }
        },
        Command(
            "list",
            summary: "List the partners",
            examples: [.init("partner list", "All of them, proposed ones too")],
            options: Options.common + [Options.json],
        ) { arguments in
            show(try await partners(arguments), arguments)
            return 0
        },
        Command(
            "show",
            summary: "Show one partner",
            examples: [.init("partner show lenswerk", "What we know of it")],
            positionals: [name],
            options: Options.common + [Options.json],
        ) { arguments in
            let wanted = try arguments.required(name)
            let found = try await Workspace.with(arguments) { workspace in
                try await workspace.session { session in try Lookup.partner(wanted, in: &session) }
            }
            show(found, arguments)
            return 0
        },
        pausing("pause", summary: "Hold all deliveries to a partner back", isPaused: true),
        pausing("resume", summary: "Let the deliveries to a paused partner go on", isPaused: false),
    ],
)

private func pausing(_ word: String, summary: String, isPaused: Bool) -> Command {
    Command(
        word,
        summary: summary,
        examples: [.init("partner \(word) lenswerk", summary)],
        positionals: [name],
        options: Options.common,
    ) { arguments in
        let wanted = try arguments.required(name)
        let by = Workspace.operatorName
        return try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in
                _ = try await store.read { session in try Lookup.partner(wanted, in: &session) }
                let changed = try await store.appender.append(StateKeys(), byteCount: 512) { transaction in
                    Result { () throws(OperatorFault) in
                        try transaction.setPaused(isPaused, partner: wanted, operator: by)
                    }
                }
                Console.print(
                    "Partner \(wanted) is \(isPaused ? "paused" : "resumed"), recorded at position \(try changed.get().position)\n"
                )
                return 0
            }
        }
    }
}

private func partners(_ arguments: ParsedArguments) async throws -> [PartnerRecord] {
    try await Workspace.with(arguments) { workspace in
        try await workspace.session { session in try PartnerReader.all(in: &session) }
    }
}

/// One partner, as an object where JSON is wanted.
private func show(_ partner: PartnerRecord, _ arguments: ParsedArguments, title: String? = nil) {
    if arguments[Options.json] {
        JSONText.print { write(partner, to: &$0) }
    } else {
        printTable([partner])
        if let title { Console.note(title) }
    }
}

private func show(_ partners: [PartnerRecord], _ arguments: ParsedArguments) {
    if arguments[Options.json] {
        Console.print(json: JSONText.lines(partners) { write($0, to: &$1) })
    } else {
        printTable(partners)
    }
}

private func write(_ partner: PartnerRecord, to object: inout JSONWriter) {
    object.member("name", partner.name)
    object.member("url", partner.baseURL.text)
    object.member("dialect", partner.dialect.rawValue)
    object.member("state", partner.state.rawValue)
    object.member("paused", partner.isPaused)
    object.member("allow_private_address", partner.allowsPrivateAddress)
    object.member("allow_http", partner.allowsHTTP)
    object.member("concurrency", partner.concurrency)
    object.member("position", partner.id.rawValue)
}

private func printTable(_ partners: [PartnerRecord]) {
    var table = TextTable(["name", "state", "dialect", "url", "allows"])
    for partner in partners {
        let allowed = [(partner.allowsHTTP, "http"), (partner.allowsPrivateAddress, "private-address")]
        table.add([
            partner.name,
            partner.isPaused ? "paused" : partner.state.rawValue,
            partner.dialect.rawValue,
            partner.baseURL.text,
            allowed.filter(\.0).map(\.1).joined(separator: ","),
        ])
    }
    Console.print(table.text)
}
