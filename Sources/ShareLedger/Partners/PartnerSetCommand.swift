import Arguments
import Ledger
import LedgerStore
import Sharing
import TicketSharing

private let newName = Option<String>(
    "name",
    "NEW",
    help: "Another short name; the desk's base URL for it changes too",
    parse: PartnerOptions.newName
)
private let dialect = PartnerOptions.dialect(defaultText: nil)
private let concurrency = PartnerOptions.concurrency(defaultText: nil)
private let allowHTTP = Toggle("allow-http", help: "Whether it may be spoken to without TLS")
private let allowPrivateAddress = Toggle(
    "allow-private-address",
    help: "Whether its name may resolve to an address that is not public"
)
private let changes: [any OptionDeclaration] = [
    PartnerOptions.url, dialect, concurrency, PartnerOptions.rate, allowHTTP, allowPrivateAddress, newName,
]

let partnerSetCommand = Command(
    "set",
    summary: "Change what was said of a partner: its URL, dialect, limits, name",
    discussion: """
        What is not given stays, but for another host nothing is allowed that was allowed for the old one: give --allow-http or
        --allow-private-address with --url again. Its agreements stay as they are; what waits for it goes to the new URL. It is
        an event partner.changed, with the old name and URL in its detail.
        """,
    examples: [
        .init("partner set lenswerk --url https://new.lenswerk.example/sharing", "It has moved"),
        .init("partner set lenswerk --concurrency 1 --allow-http=no", "One request at a time, and only with TLS"),
        .init("partner set lenswerk --rate 20", "20 requests a second at most"),
    ],
    positionals: [PartnerOptions.name],
    options: Options.common + changes + [Options.reason, Options.json],
) { arguments in
    let wanted = try arguments.required(PartnerOptions.name)
    var change = PartnerChange()
    change.name = arguments[newName]
    change.url = arguments[PartnerOptions.url]
    change.dialect = arguments[dialect]
    change.concurrency = arguments[concurrency]
    change.rate = arguments[PartnerOptions.rate]
    change.allowsHTTP = arguments[allowHTTP]
    change.allowsPrivateAddress = arguments[allowPrivateAddress]
    guard change != PartnerChange() else {
        throw UsageError("say what to change: \(changes.map { "--\($0.name)" }.joined(separator: ", "))")
    }
    let order = change
    let reason = try Workspace.reason(arguments)
    let by = Workspace.operatorName
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            let known = try await store.read { session in try Lookup.partner(wanted, in: &session) }
            let changed = try await store.appender.append(StateKeys(), byteCount: 2048) { transaction in
                Result { () throws(OperatorFault) in
                    try transaction.change(order, partner: wanted, operator: by, reason: reason)
                }
            }
            let (partner, receipt) = try changed.get()
            show(partner, arguments, title: "Recorded at position \(receipt.position)")
            let dropped = droppedAllowances(from: known, to: partner, by: order)
            if !dropped.isEmpty {
                let advice = "give it with --url where it is meant for \(partner.baseURL.host) as well"
                Console.note("Not allowed any more: \(dropped.joined(separator: ", ")); \(advice)")
            }
            PartnerOptions.noteUnreachable(partner)
            if partner.name != wanted {
                let base = "\(store.settings.privateURL.text)/to/\(partner.name)"
                Console.note("Our desk reaches it as \(base) from now on; /to/\(wanted) is gone")
            }
            return 0
        }
    }
}

/// What was allowed for the old host and is not for the new one, as nobody has said so.
private func droppedAllowances(
    from old: PartnerRecord,
    to new: PartnerRecord,
    by change: PartnerChange,
) -> [String] {
    [
        (allowHTTP.name, change.allowsHTTP, old.allowsHTTP, new.allowsHTTP),
        (allowPrivateAddress.name, change.allowsPrivateAddress, old.allowsPrivateAddress, new.allowsPrivateAddress),
    ]
    .filter { $0.1 == nil && $0.2 && !$0.3 }
    .map { "--\($0.0)" }
}
