import Arguments
import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

private let partner = Command.Positional("PARTNER", help: "The partner's name")
private let companyName = Option<String>(
    "name",
    "TEXT",
    help: "Our company's name, as the partner reads it",
    defaultText: "that of our last invitation, else our public host"
)
private let withoutTags = Flag("no-tags", help: "Do not share tags")
private let withoutCustomFields = Flag("no-custom-fields", help: "Do not share custom fields")
private let withoutPublicComments = Flag("no-public-comments", help: "Let the receiver add private comments only")

let agreementInviteCommand = Command(
    "invite",
    summary: "Invite a partner: make an agreement and send it",
    discussion: """
        The partner reads our company's name in it. Where --name is not given it is the one of our last invitation, or the
        host of our public URL before there was one.
        """,
    examples: [.init("agreement invite lenswerk --name MondoCam", "Propose to share tickets with lenswerk")],
    positionals: [partner],
    options: Options.common + [companyName, withoutTags, withoutCustomFields, withoutPublicComments, Options.json],
) { arguments in
    let name = try arguments.required(partner)
    let permissions = Agreement.Permissions(
        syncsTags: !arguments[withoutTags],
        syncsCustomFields: !arguments[withoutCustomFields],
        allowsPublicComments: !arguments[withoutPublicComments],
    )
    let givenName = arguments[companyName]
    return try await Workspace.with(arguments) { workspace in
        try await workspace.store { store in
            let found = try await store.read { session in try Lookup.partner(name, in: &session) }
            let company = try await ownName(givenName, in: store)
            let local = hexadecimal(Randomness.system.bytes(16))
            guard let key = AccessKey(hexadecimal(Randomness.system.bytes(20))) else {
                preconditionFailure("hex digits make a key")
            }
            let agreement = Agreement(
                id: AgreementID(of: local, below: store.settings.publicURL, digest: sha1),
                name: company,
                senderURL: store.settings.publicURL,
                receiverURL: found.baseURL,
                status: .pending,
                deactivatedBy: nil,
                permissions: permissions,
            )
            let body = AgreementDraft.invitation(to: agreement, key: key).encoded(as: found.dialect)
            let answer = try await sendAgreement(body, .post, agreement.id, partner: name, store)
            return try await reportAgreement(answer, agreement.id, "invited", arguments, store)
        }
    }
}

/// What we call ourselves: what was given, or said the last time; a partner cannot do much with an invitation of nobody.
private func ownName(_ given: String?, in store: Store) async throws -> String {
    if let given { return given }
    let own = try await store.read { session in
        try AgreementReader.all(where: "a.our_role = 'sender' AND a.name IS NOT NULL", in: &session)
    }
    return own.max { $0.firstPosition < $1.firstPosition }?.agreement.name ?? store.settings.publicURL.host
}
