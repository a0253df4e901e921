extension Ticket {
    /// Takes one change in, but for what of it the permissions do not allow; see ``deviations(in:by:under:)``.
    ///
    /// Never fails, as it also folds what was accepted long ago; ``TicketChange/refusal(by:under:to:)`` is asked
    /// before. A member that says nothing leaves the value alone, in a POST as well; any other replaces it. Comments of
    /// unknown name are added, of known name ignored. What is said of an orphan is ignored until it is shared again.
    package mutating func apply(
        _ change: TicketChange,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) {
        switch change {
        case .share(let message):
            isShared = true
            take(message, by: role, under: permissions)
        case .update(let message):
            if isShared { take(message, by: role, under: permissions) }
        case .unshare:
            isShared = false
        }
    }

    private mutating func take(
        _ message: TicketMessage,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) {
        precondition(message.id == id, "the message is about another ticket")
        subject = message.subject ?? subject
        requestedAt = message.requestedAt ?? requestedAt
        requester = message.requester ?? requester
        currentActor = message.currentActor ?? currentActor
        originalID = message.originalID ?? originalID
        if permissions.allow(role, toSet: .status) {
            status = message.status ?? status
            customStatus = message.customStatus ?? customStatus
        }
        if permissions.syncsTags { tags = message.tags ?? tags }
        if permissions.syncsCustomFields { customFields = message.customFields ?? customFields }
        for comment in message.comments where commentIDs.insert(comment.id).inserted {
            var comment = comment.comment
            comment.isPublic = comment.isPublic && permissions.allowPublicComments(by: role)
            if !permissions.syncsCustomFields { comment.customFields = nil }
            comments.append(comment)
        }
        merge(message.unknownMembers)
    }

    /// Replaces unknown members by name and adds new ones; `null` says nothing here either.
    private mutating func merge(_ members: [OpaqueMember]) {
        let said = members.filter { !$0.value.isNull }
        guard !said.isEmpty else { return }
        var positions: [[UInt8]: Int] = [:]
        for (position, member) in unknownMembers.enumerated() { positions[member.name] = position }
        for member in said {
            let name = member.name
            if let position = positions[name] {
                unknownMembers[position] = member
            } else {
                positions[name] = unknownMembers.count
                unknownMembers.append(member)
            }
        }
    }
}

extension Ticket {
    /// What of a change the permissions do not allow, by this state before it; reads no more of the texts than it must.
    ///
    /// Only what is new counts: a value that the ticket has, and a comment that it holds, say nothing to either side.
    package func deviations(
        in change: TicketChange,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) -> [Deviation] {
        let message: TicketMessage
        switch change {
        case .share(let said): message = said
        case .update(let said) where isShared: message = said
        case .update, .unshare: return []
        }
        var deviations: [Deviation] = []
        if !permissions.allow(role, toSet: .status) {
            if Self.differs(message.status, from: status) { deviations.append(.status) }
            if Self.differs(message.customStatus, from: customStatus) { deviations.append(.customStatus) }
        }
        if !permissions.syncsTags, let said = message.tags, !said.isEmpty, Self.differ(said, from: tags) {
            deviations.append(.tags)
        }
        if !permissions.syncsCustomFields, let said = message.customFields, !said.isEmptyContainer,
            said != customFields
        {
            deviations.append(.customFields)
        }
        let takesPublic = permissions.allowPublicComments(by: role)
        guard !takesPublic || !permissions.syncsCustomFields else { return deviations }
        var known = commentIDs
        for comment in message.comments where known.insert(comment.id).inserted {
            if !takesPublic, comment.isPublic { deviations.append(.publicComment(comment.id)) }
            if !permissions.syncsCustomFields, comment.customFields?.isEmptyContainer == false {
                deviations.append(.commentCustomFields(comment.id))
            }
        }
        return deviations
    }

    /// Whether a text was said that is another one, byte for byte.
    private static func differs(_ said: String?, from value: String?) -> Bool {
        guard let said else { return false }
        return value.map { !$0.utf8.elementsEqual(said.utf8) } ?? true
    }

    private static func differ(_ said: [String], from values: [String]?) -> Bool {
        guard let values, values.count == said.count else { return true }
        return zip(said, values).contains { differs($0, from: $1) }
    }
}

extension Agreement.Permissions {
    /// Whether what a side says of a member is taken over.
    package func allow(_ role: AgreementRole, toSet member: TicketMember) -> Bool {
        switch member {
        case .status, .customStatus: role == .sender || allowsPublicComments
        case .tags: syncsTags
        case .customFields: syncsCustomFields
        case .uuid, .subject, .requestedAt, .requester, .comments, .currentActor, .originalID: true
        }
    }

    /// Whether a side's public comments stay public.
    func allowPublicComments(by role: AgreementRole) -> Bool {
        role == .sender || allowsPublicComments
    }
}
