internal import JSON

/// The members of a ticket that we interpret.
package enum TicketMember: Int, Sendable, CaseIterable {
    case uuid
    case subject
    case requestedAt
    case status
    case requester
    case comments
    case currentActor
    case tags
    case originalID
    case customFields
    case customStatus

    /// The member's name on the wire.
    package var name: String {
        Self.names.names[rawValue]
    }

    static let names = JSONMemberNames([
        "uuid", "subject", "requested_at", "status", "requester", "comments", "current_actor", "tags", "original_id",
        "custom_fields", "custom_status",
    ])
}

/// The number of a ticket in its system of origin, in the form in which it is sent.
package enum OriginalID: Sendable, Equatable {
    /// As the gem sends it.
    case text(String)

    /// A JSON number, kept as it is written.
    case number(String)

    /// The number, however it is sent.
    package var text: String {
        switch self {
        case .text(let text), .number(let text): text
        }
    }
}
