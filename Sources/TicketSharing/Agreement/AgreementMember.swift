internal import JSON

/// The members of an agreement that we interpret.
package enum AgreementMember: Int, Sendable, CaseIterable {
    case uuid
    case name
    case senderURL
    case receiverURL
    case accessKey
    case status
    case deactivatedBy
    case currentActor
    case syncTags
    case syncCustomFields
    case allowsPublicComments

    /// The member's name on the wire.
    package var name: String {
        Self.names.names[rawValue]
    }

    static let names = JSONMemberNames([
        "uuid", "name", "sender_url", "receiver_url", "access_key", "status", "deactivated_by", "current_actor",
        "sync_tags", "sync_custom_fields", "allows_public_comments",
    ])
}

/// The side of an agreement that a help desk is on.
package enum AgreementRole: String, Sendable, CaseIterable {
    /// The help desk that created the agreement and shares tickets under it.
    case sender

    /// Its partner, who accepts or declines.
    case receiver

    /// The other side.
    package var partner: AgreementRole {
        self == .sender ? .receiver : .sender
    }
}
