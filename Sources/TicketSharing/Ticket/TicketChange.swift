/// What a request does to a ticket.
package enum TicketChange: Sendable {
    /// POST: the ticket is shared, for the first time or again.
    case share(TicketMessage)

    /// PUT: what is said replaces what was.
    case update(TicketMessage)

    /// DELETE: no more goes either way.
    case unshare
}

extension TicketChange {
    /// Why a change must not be taken in by this state; `nil` where it may.
    ///
    /// The order is that of what a partner may learn: first the agreement, then whether the side may do it, then the
    /// ticket. Either side may unshare. An orphan is as unknown as a ticket that never was, until it is shared again.
    ///
    /// - Parameters:
    ///   - role: The side that sent the request.
    ///   - current: The ticket under this agreement, if it ever was shared under it.
    package func refusal(by role: AgreementRole, under agreement: Agreement, to current: Ticket?) -> ProtocolFault? {
        guard agreement.status == .accepted else { return .agreementNotAccepted(agreement.status) }
        let isShared = current?.isShared ?? false
        switch self {
        case .share:
            guard role == .sender else {
                let detail = "only the agreement's sender may share a ticket under it"
                return ProtocolFault(.forbidden, .notPermitted, detail)
            }
            guard !isShared else {
                return ProtocolFault(.unprocessable, .alreadyExists, "the ticket is shared already")
            }
            return nil
        case .update, .unshare:
            return isShared ? nil : .unknownTicket
        }
    }
}

/// What a message said that the agreement's permissions do not allow.
///
/// Inbound, it is what was not taken over; outbound, what was disclosed beyond the agreement.
package enum Deviation: Sendable, Hashable {
    /// The receiver changed the status.
    case status

    /// The receiver changed the desk's own name for the status.
    case customStatus

    /// Tags were sent.
    case tags

    /// The ticket's custom fields were sent.
    case customFields

    /// The receiver sent a public comment; it is kept as a private one.
    case publicComment(CommentID)

    /// A comment's custom fields were sent.
    case commentCustomFields(CommentID)

    /// The member concerned, as in a fact or an answer: `tags`, `comments.public`.
    package var member: String {
        switch self {
        case .status: "status"
        case .customStatus: "custom_status"
        case .tags: "tags"
        case .customFields: "custom_fields"
        case .publicComment: "comments.public"
        case .commentCustomFields: "comments.custom_fields"
        }
    }

    /// The comment concerned, if it is one.
    package var comment: CommentID? {
        switch self {
        case .publicComment(let id), .commentCustomFields(let id): id
        case .status, .customStatus, .tags, .customFields: nil
        }
    }
}
