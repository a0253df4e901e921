import JSON
import Ledger
import Sharing
import TicketSharing

/// The part `facts` of a message: what is known of it for ever, also when its bytes are erased.
struct EventFacts: Sendable {
    /// The side that sent the message.
    let sender: AgreementRole

    /// What the agreement allowed when the message was taken; everything where nothing is said, as for the end of a share.
    let permissions: Agreement.Permissions

    private let match: JSONMatch

    /// Reads facts of the form `format`; only forms that this program knows can be read.
    init(_ bytes: [UInt8]?, format: Int, of position: Position) throws(FoldFault) {
        guard let bytes else { throw FoldFault(position: position, reason: "its part facts is missing") }
        guard (1...Facts.format).contains(format) else {
            throw FoldFault(
                position: position,
                reason: "its facts are of format \(format), which this program does not know"
            )
        }
        guard let document = try? JSONDocument(parsing: bytes), document.root.kind == .object else {
            // What is wrong with it does not matter: it is not what was written.
            throw FoldFault(position: position, reason: "its part facts is no JSON object")
        }
        match = document.root.matched(Self.names)
        guard let sender = AgreementRole(rawValue: match.text(.by) ?? "") else {
            throw FoldFault(position: position, reason: "its facts do not say which side it is of")
        }
        self.sender = sender
        permissions = Agreement.Permissions(match[Member.permissions.rawValue])
    }

    fileprivate enum Member: Int {
        case by, set, status, requestedAt, comments, permissions, partner, deactivatedBy, accessKeyVersion,
            tokenVersion
    }

    private static let names = JSONMemberNames([
        "by", "set", "status", "requested_at", "comments", "permissions", "partner", "deactivated_by",
        "access_key_version", "token_version",
    ])
}

// MARK: - Tickets

extension EventFacts {
    /// A comment as the facts know it.
    struct Comment: Sendable {
        let id: CommentID
        let isPublic: Bool
        let authoredAt: String?
    }

    /// The status that the message gave the ticket or the agreement.
    var status: String? { match.text(.status) }

    /// When the ticket came up, as it was written.
    var requestedAt: String? { match.text(.requestedAt) }

    /// How many interpreted members the message said.
    var setCount: Int { match[Member.set.rawValue]?.count ?? 0 }

    /// How many comments the message brought, known ones among them.
    var commentCount: Int { match[Member.comments.rawValue]?.count ?? 0 }

    /// The names of the interpreted members that the message said.
    var setNames: Set<String> {
        Set((match[Member.set.rawValue]?.elements).map { $0.compactMap(\.string) } ?? [])
    }

    /// The comments that the message brought, in order.
    var comments: [Comment] {
        guard let value = match[Member.comments.rawValue] else { return [] }
        return value.elements.compactMap { comment in
            guard let id = comment.member("uuid")?.string.flatMap({ CommentID($0) }) else { return nil }
            return Comment(
                id: id,
                isPublic: comment.member("public")?.bool ?? true,
                authoredAt: comment.member("authored_at")?.string,
            )
        }
    }
}

// MARK: - Agreements

extension EventFacts {
    /// Whom an invitation came from or goes to.
    var partner: Position? {
        match[Member.partner.rawValue]?.integer.map { Position(rawValue: Int64($0)) }
    }

    /// Which side made the agreement inactive.
    var deactivatedBy: AgreementRole? { match.text(.deactivatedBy).flatMap { AgreementRole(rawValue: $0) } }

    /// The version of the access key that the message brought.
    var accessKeyVersion: Int? { match[Member.accessKeyVersion.rawValue]?.integer }

    /// The version of the access key in the token that the message came with.
    var tokenVersion: Int? { match[Member.tokenVersion.rawValue]?.integer }
}

extension JSONMatch {
    fileprivate func text(_ member: EventFacts.Member) -> String? {
        self[member.rawValue]?.string
    }
}

extension Agreement.Permissions {
    fileprivate init(_ value: JSONValue?) {
        func allows(_ name: String) -> Bool { value?.member(name)?.bool ?? true }
        self.init(
            syncsTags: allows("sync_tags"),
            syncsCustomFields: allows("sync_custom_fields"),
            allowsPublicComments: allows("allows_public_comments"),
        )
    }
}
