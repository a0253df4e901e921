import Arguments
import Cryptography
import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

private let uuid = Command.Positional("UUID", help: Lookup.agreementHelp)
private let partnerName = Option<String>(
    "partner-name",
    "NAME",
    help: "Accept the proposed partner too, under this name",
    parse: PartnerOptions.newName
)
private let dialect = Option<Dialect>(choosing: "dialect", help: "What its software expects", defaultText: "standard")
private let allowPrivateAddress = Flag(
    "allow-private-address",
    help: "Its name may resolve to an address that is not public"
)
private let allowHTTP = Flag("allow-http", help: "It may be spoken to without TLS")

let agreementCommand = Command(
    "agreement",
    summary: "Agreements under which tickets are shared",
    subcommands: [
        agreementInviteCommand, listCommand, showCommand,
        answering(
            "accept",
            "Accept a partner's invitation",
            to: .accepted,
            options: [partnerName, dialect, allowPrivateAddress, allowHTTP]
        ),
        answering("decline", "Decline a partner's invitation, for good", to: .declined),
        answering("deactivate", "Suspend an accepted agreement", to: .inactive),
        answering("reactivate", "Resume an agreement that we suspended", to: .accepted),
        tokenCommand,
    ],
)

private let invitationAdvice = """
    Anybody can invite us in anybody's name: an invitation that reads "pending: accept or decline" waits for an operator,
    whoever's URL it names, and the desk is told only once it is accepted. "invited from" is the address that it came from.
    """

// MARK: - Commands

private let listCommand = Command(
    "list",
    summary: "List the agreements",
    discussion: invitationAdvice,
    examples: [.init("agreement list", "All of them, with their partners")],
    options: Options.common + [Options.json],
) { arguments in
    try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            try await show(store.read { session in try AgreementReader.all(in: &session) }, arguments, store)
            return 0
        }
    }
}

private let showCommand = Command(
    "show",
    summary: "Show one agreement, and what of it is on its way",
    discussion: invitationAdvice,
    examples: [.init("agreement show ae7d", "What stands in it now, and what waits")],
    positionals: [uuid],
    options: Options.common + [Options.json],
) { arguments in
    let text = try arguments.required(uuid)
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            let record = try await store.read { session in try Lookup.agreement(text, in: &session) }
            let queue = try await store.read { session in
                try DeliverySummary(of: "a.stream_id = \(record.stream)", in: &session)
            }
            try await show(record, arguments, store, queue)
            return 0
        }
    }
}

private let tokenCommand = Command(
    "token",
    summary: "Print the token that the desk's client sends under an agreement",
    discussion: "It is a secret: X-Ticket-Sharing-Token, the agreement's uuid and its access key.",
    examples: [.init("agreement token ae7d", "For the settings of the desk's ticket-sharing client")],
    positionals: [uuid],
    options: Options.common + [Options.json],
) { arguments in
    let text = try arguments.required(uuid)
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            let keys = store.keys
            let token = try await store.read { session -> Token? in
                let record = try Lookup.agreement(text, in: &session)
                guard let version = record.key else { return nil }
                return try AgreementReader.accessKey(version.number, of: record, keys: keys, in: &session)
                    .map { Token(agreement: record.agreement.id, key: $0) }
            }
            guard let token else { throw CommandFailure("agreement \(text) has no access key", status: 66) }
            if arguments[Options.json] {
                JSONText.print { object in
                    object.member("agreement", token.agreement.text)
                    object.member("token", token.headerValue)
                }
            } else {
                Console.print("\(token.headerValue)\n")
            }
            return 0
        }
    }
}

private func answering(
    _ word: String,
    _ summary: String,
    to status: Agreement.Status,
    options: [any OptionDeclaration] = [],
) -> Command {
    Command(
        word,
        summary: summary,
        examples: [.init("agreement \(word) ae7d", summary)],
        positionals: [uuid],
        options: Options.common + options + [Options.reason, Options.json],
    ) { arguments in
        let text = try arguments.required(uuid)
        let reason = try Workspace.reason(arguments)
        return try await Workspace.with(arguments) { workspace in
            try await workspace.store { store in
                let record = try await store.read { session in try Lookup.agreement(text, in: &session) }
                guard record.agreement.status != status else {
                    throw CommandFailure("agreement \(record.agreement.id.text) is \(status.rawValue) already")
                }
                let (known, acceptance) = try await partner(of: record, for: status, arguments, store)
                let draft = AgreementDraft.change(of: record.agreement.id, to: status, by: record.ourRole)
                let answer = try await sendAgreement(
                    draft.encoded(as: acceptance?.dialect ?? known.dialect),
                    .put,
                    record.agreement.id,
                    partner: acceptance?.name ?? known.name,
                    accepting: acceptance,
                    reason: reason,
                    store
                )
                return try await reportAgreement(answer, record.agreement.id, "is \(status.rawValue)", arguments, store)
            }
        }
    }
}

// MARK: - Steps

/// An agreement's partner, and how it is to be accepted with the agreement if it is only proposed.
///
/// To decline, nobody has to be accepted: that is recorded, and a stranger is not told.
private func partner(
    of record: AgreementRecord,
    for status: Agreement.Status,
    _ arguments: ParsedArguments,
    _ store: Store,
) async throws -> (known: PartnerRecord, acceptance: PartnerSettings?) {
    let found = try await store.read { session in try PartnerReader.all(in: &session).first { $0.id == record.partner }
    }
    guard let found else { throw CommandFailure("the agreement's partner is not known") }
    guard found.state == .proposed, status != .declined else {
        guard arguments[partnerName].map({ $0 == found.name }) ?? true else {
            throw CommandFailure(
                "the partner is \(found.name) already; 'shareledger partner set \(found.name)' changes it"
            )
        }
        return (found, nil)
    }
    guard let name = arguments[partnerName] else {
        let advice =
            "accept it with --partner-name NAME, or with 'shareledger partner add NAME --url \(found.baseURL.text)'"
        throw CommandFailure("\(found.baseURL.text) is only a proposed partner; \(advice)")
    }
    var wanted = PartnerSettings(name: name, url: found.baseURL)
    wanted.dialect = arguments[dialect] ?? .standard
    wanted.allowsPrivateAddress = arguments[allowPrivateAddress]
    wanted.allowsHTTP = arguments[allowHTTP]
    return (found, wanted)
}
