/// A ticket under one agreement as it stands after all its messages.
///
/// `==` compares texts as Swift does, for which two normal forms of a letter are one; ``encoded(under:)`` tells them apart.
package struct Ticket: Sendable, Equatable {
    /// Names the ticket.
    package let id: TicketID

    /// Whether it is shared now; not before the first POST and not after DELETE, when an orphan is left.
    package internal(set) var isShared = false

    /// The line by which a person knows the ticket.
    package internal(set) var subject: String?

    /// When the ticket came up.
    package internal(set) var requestedAt: WireTime?

    /// `new`, `open`, `pending`, `hold`, `solved`, `closed`, `deleted`, or what else a desk calls it.
    package internal(set) var status: String?

    /// Who asks.
    package internal(set) var requester: TicketActor?

    /// Every comment that was ever sent, in the order of arrival.
    package internal(set) var comments: [TicketComment] = []

    /// Who acted last.
    package internal(set) var currentActor: TicketActor?

    /// The tags, in order.
    package internal(set) var tags: [String]?

    /// The number in the system of origin.
    package internal(set) var originalID: OriginalID?

    /// An object that we do not interpret, replaced as a whole.
    package internal(set) var customFields: OpaqueJSON?

    /// A desk's own name for the status.
    package internal(set) var customStatus: String?

    /// The members that we do not interpret, in the order in which their names came first.
    package internal(set) var unknownMembers: [OpaqueMember] = []

    /// The names of all comments that were taken, so that a message costs no search through them.
    package internal(set) var commentIDs: Set<CommentID> = []

    /// A ticket of which nothing was said yet.
    package init(id: TicketID) {
        self.id = id
    }

    /// Puts a stored ticket together again.
    ///
    /// - Parameter otherCommentIDs: Comments that were taken, but are not among `comments`: a fold of new messages
    ///   needs the names alone, and then leaves only the new comments in ``comments``.
    package init(
        id: TicketID,
        isShared: Bool,
        subject: String? = nil,
        requestedAt: WireTime? = nil,
        status: String? = nil,
        requester: TicketActor? = nil,
        comments: [TicketComment] = [],
        otherCommentIDs: Set<CommentID> = [],
        currentActor: TicketActor? = nil,
        tags: [String]? = nil,
        originalID: OriginalID? = nil,
        customFields: OpaqueJSON? = nil,
        customStatus: String? = nil,
        unknownMembers: [OpaqueMember] = [],
    ) {
        self.id = id
        self.isShared = isShared
        self.subject = subject
        self.requestedAt = requestedAt
        self.status = status
        self.requester = requester
        self.comments = comments
        self.currentActor = currentActor
        self.tags = tags
        self.originalID = originalID
        self.customFields = customFields
        self.customStatus = customStatus
        self.unknownMembers = unknownMembers
        commentIDs = otherCommentIDs.union(comments.map(\.id))
    }

    /// Whether a comment of this name was taken already.
    package func holdsComment(_ id: CommentID) -> Bool {
        commentIDs.contains(id)
    }
}
