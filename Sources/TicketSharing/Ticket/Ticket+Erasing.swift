extension Ticket {
    /// Forgets a value whose bytes are gone, so that the one before it is not taken for the current one.
    package mutating func forget(_ member: TicketMember) {
        switch member {
        case .uuid, .comments: break
        case .subject: subject = nil
        case .requestedAt: requestedAt = nil
        case .status: status = nil
        case .requester: requester = nil
        case .currentActor: currentActor = nil
        case .tags: tags = nil
        case .originalID: originalID = nil
        case .customFields: customFields = nil
        case .customStatus: customStatus = nil
        }
    }

    /// Hands the comments over and keeps their names, so that a long fold holds no texts.
    package mutating func takeComments() -> [TicketComment] {
        defer { comments.removeAll() }
        return comments
    }
}
