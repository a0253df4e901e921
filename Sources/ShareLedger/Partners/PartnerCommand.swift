import Arguments
import HTTPClient
import JSON
import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// What commands on partners take.
enum PartnerOptions {
    static let name = Command.Positional("NAME", help: "The partner's short name: \(PartnerRecord.nameForm)")
    static let url = Option<BaseURL>("url", "URL", help: "The partner's base URL") { text in
        do throws(BaseURLFault) {
            return try BaseURL(text)
        } catch {
            throw UsageError("--url takes a base URL such as https://desk.example/sharing: \(error.rawValue)")
        }
    }

    /// A name that a partner is to have.
    static func newName(_ text: String) throws -> String {
        guard PartnerRecord.isName(text) else {
            throw UsageError("\(text.debugDescription) cannot name a partner; a name is \(PartnerRecord.nameForm)")
        }
        return text
    }

    /// Says of a partner whose URL holds an address that nothing is sent to that nothing is.
    static func noteUnreachable(_ partner: PartnerRecord) {
        guard !partner.allowsPrivateAddress, let address = IPAddress(partner.baseURL.host),
            let purpose = address.specialPurpose
        else { return }
        let way =
            purpose.isInner
            ? "'shareledger partner set \(partner.name) --allow-private-address=yes' allows it" : "give it another URL"
        Console.note("Nothing is delivered to \(partner.name): \(address) is not public (\(purpose)); \(way)")
    }

    /// - Parameter defaultText: What is taken where it is not given.
    static func dialect(defaultText: String?) -> Option<Dialect> {
        Option<Dialect>(choosing: "dialect", help: "What its software expects", defaultText: defaultText)
    }

    /// - Parameter defaultText: What is taken where it is not given.
    static func concurrency(defaultText: String?) -> Option<Int> {
        Option<Int>("concurrency", "N", in: 1...1000, help: "Requests to it at a time", defaultText: defaultText)
    }

    static let rate = Option<Int>(
        "rate",
        "N",
        in: 0...100_000,
        help: "Requests to it a second at most; 0 for no limit"
    )
}

private let name = PartnerOptions.name
private let url = PartnerOptions.url
private let dialect = PartnerOptions.dialect(defaultText: "standard")
private let concurrency = PartnerOptions.concurrency(defaultText: "\(PartnerRecord.standardConcurrency)")
private let allowPrivateAddress = Flag(
    "allow-private-address",
    help: "Its name may resolve to an address that is not public"
)
private let allowHTTP = Flag("allow-http", help: "It may be spoken to without TLS")

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
            options: Options.common + [url, dialect, allowPrivateAddress, allowHTTP, concurrency]
                + [PartnerOptions.rate, Options.json],
        ) { arguments in
            let wantedName = try PartnerOptions.newName(try arguments.required(name))
            var settings = PartnerSettings(name: wantedName, url: try arguments.required(url))
            settings.dialect = arguments[dialect] ?? .standard
            settings.allowsPrivateAddress = arguments[allowPrivateAddress]
            settings.allowsHTTP = arguments[allowHTTP]
            settings.concurrency = arguments[concurrency] ?? PartnerRecord.standardConcurrency
            settings.rate = arguments[PartnerOptions.rate].flatMap { $0 > 0 ? $0 : nil }
            let wanted = settings
            let by = Workspace.operatorName
            return try await Workspace.with(arguments) { workspace in
                try await workspace.store { store in
                    let added = try await store.appender.append(StateKeys(), byteCount: 1024) { transaction in
                        Result { () throws(OperatorFault) in try transaction.acceptPartner(wanted, operator: by) }
                    }
                    let (partner, receipt) = try added.get()
                    show(partner, arguments, title: "Recorded at position \(receipt.position)")
                    PartnerOptions.noteUnreachable(partner)
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
            let list = try await Workspace.with(arguments) { workspace in
                try await workspace.session { session in
                    let partners = try PartnerReader.all(in: &session)
                    return (partners, try PartnerHealth.all(of: partners, in: &session))
                }
            }
            show(list.0, list.1, arguments)
            return 0
        },
        Command(
            "show",
            summary: "Show one partner, and what is on its way to it",
            examples: [.init("partner show lenswerk", "What we know of it, and what waits")],
            positionals: [name],
            options: Options.common + [Options.json],
        ) { arguments in
            let wanted = try arguments.required(name)
            let page = try await Workspace.with(arguments) { workspace in
                try await workspace.session { session in
                    try PartnerPage(of: try Lookup.partner(wanted, in: &session), in: &session)
                }
            }
            page.print(arguments)
            return 0
        },
        partnerSetCommand,
        pausing("pause", summary: "Hold all deliveries to a partner back", isPaused: true),
        pausing("resume", summary: "Let the deliveries to a partner that is paused or out go on", isPaused: false),
    ],
)

private func pausing(_ word: String, summary: String, isPaused: Bool) -> Command {
    Command(
        word,
        summary: summary,
        examples: [.init("partner \(word) lenswerk --reason 'case 77'", "\(summary), and say why")],
        positionals: [name],
        options: Options.common + [Options.reason, Options.json],
    ) { arguments in
        let wanted = try arguments.required(name)
        let reason = try Workspace.reason(arguments)
        let by = Workspace.operatorName
        return try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in
                let known = try await store.read { session in try Lookup.partner(wanted, in: &session) }
                var keys = StateKeys()
                keys.destinations = [.partner(known.id)]
                let changed = try await store.appender.append(keys, byteCount: 2048) { transaction in
                    Result { () throws(OperatorFault) in
                        try transaction.setPaused(isPaused, partner: wanted, operator: by, reason: reason)
                    }
                }
                let (partner, receipt) = try changed.get()
                if arguments[Options.json] {
                    JSONText.print { partner.write(to: &$0) }
                } else {
                    let state = isPaused ? "paused" : "resumed"
                    Console.print("Partner \(wanted) is \(state), recorded at position \(receipt.position)\n")
                }
                return 0
            }
        }
    }
}

/// One partner, as an object where JSON is wanted.
func show(_ partner: PartnerRecord, _ arguments: ParsedArguments, title: String? = nil) {
    if arguments[Options.json] {
        JSONText.print { partner.write(to: &$0) }
    } else {
        printTable([partner])
        if let title { Console.note(title) }
    }
}

private func show(
    _ partners: [PartnerRecord],
    _ health: [Position: PartnerHealth],
    _ arguments: ParsedArguments,
) {
    if arguments[Options.json] {
        let lines = JSONText.lines(partners) { partner, object in
            partner.write(to: &object)
            health[partner.id]?.write(to: &object)
        }
        Console.print(json: lines)
    } else {
        printTable(partners, health)
    }
}

extension PartnerRecord {
    /// Writes the members of its object.
    func write(to object: inout JSONWriter) {
        object.member("name", name)
        object.member("url", baseURL.text)
        object.member("dialect", dialect.rawValue)
        object.member("state", state.rawValue)
        object.member("paused", isPaused)
        object.member("allow_private_address", allowsPrivateAddress)
        object.member("allow_http", allowsHTTP)
        object.member("concurrency", concurrency)
        object.optional("rate", rate.map { Int64($0) })
        object.member("position", id.rawValue)
    }
}

extension PartnerRecord {
    /// What an operator has allowed for it beyond the usual.
    var allowed: [String] {
        [(allowsHTTP, "http"), (allowsPrivateAddress, "private-address")].filter(\.0).map(\.1)
    }
}

private func printTable(_ partners: [PartnerRecord], _ health: [Position: PartnerHealth] = [:]) {
    var table = TextTable(["name", "state", "dialect", "url", "allows"])
    for partner in partners {
        table.add([
            partner.name,
            partner.isPaused ? "paused" : health[partner.id]?.trouble ?? partner.state.rawValue,
            partner.dialect.rawValue,
            partner.baseURL.text,
            partner.allowed.joined(separator: ","),
        ])
    }
    Console.print(table.text)
}
