extension Ticket {
    /// Takes one change in and lists what of it the permissions do not allow and was left out.
    ///
    /// Never fails, as it also folds what was accepted long ago; ``TicketChange/refusal(by:under:to:)`` is asked
    /// before. A member that says nothing leaves the value alone, in a POST as well; any other replaces it. Comments of
    /// unknown name are added, of known name ignored. What is said of an orphan is ignored until it is shared again.
    @discardableResult
    package mutating func apply(
        _ change: TicketChange,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) -> [Deviation] {
        switch change {
        case .share(let message):
            isShared = true
            return take(message, by: role, under: permissions)
        case .update(let message):
            return isShared ? take(message, by: role, under: permissions) : []
        case .unshare:
            isShared = false
            return []
        }
    }

    /// The ticket after a change, and what was left out of it; see ``apply(_:by:under:)``.
    package func applying(
        _ change: TicketChange,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) -> (ticket: Ticket, deviations: [Deviation]) {
        var ticket = self
        let deviations = ticket.apply(change, by: role, under: permissions)
        return (ticket, deviations)
    }

    private mutating func take(
        _ message: TicketMessage,
        by role: AgreementRole,
        under permissions: Agreement.Permissions,
    ) -> [Deviation] {
        precondition(message.id == id, "the message is about another ticket")
        let isBound = role == .receiver && !permissions.allowsPublicComments
        var deviations: [Deviation] = []
        subject = message.subject ?? subject
        requestedAt = message.requestedAt ?? requestedAt
        requester = message.requester ?? requester
        currentActor = message.currentActor ?? currentActor
        originalID = message.originalID ?? originalID
        if Self.take(message.status, into: &status, isAllowed: !isBound) { deviations.append(.status) }
        if Self.take(message.customStatus, into: &customStatus, isAllowed: !isBound) {
            deviations.append(.customStatus)
        }
        if permissions.syncsTags {
            tags = message.tags ?? tags
        } else if message.tags?.isEmpty == false {
            deviations.append(.tags)
        }
        if permissions.syncsCustomFields {
            customFields = message.customFields ?? customFields
        } else if message.customFields?.isEmptyContainer == false {
            deviations.append(.customFields)
        }
        for comment in message.comments where commentIDs.insert(comment.id).inserted {
            deviations += add(comment.comment, isBound: isBound, withCustomFields: permissions.syncsCustomFields)
        }
        merge(message.unknownMembers)
        return deviations
    }

    /// Replaces a text; returns whether it would have been another one, but was not allowed to.
    private static func take(_ new: String?, into value: inout String?, isAllowed: Bool) -> Bool {
        guard let new else { return false }
        if isAllowed { value = new }
        return value.map { !$0.utf8.elementsEqual(new.utf8) } ?? true
    }

    private mutating func add(_ comment: TicketComment, isBound: Bool, withCustomFields: Bool) -> [Deviation] {
        var comment = comment
        var deviations: [Deviation] = []
        if isBound, comment.isPublic {
            comment.isPublic = false
            deviations.append(.publicComment(comment.id))
        }
        if !withCustomFields, let fields = comment.customFields {
            comment.customFields = nil
            if !fields.isEmptyContainer { deviations.append(.commentCustomFields(comment.id)) }
        }
        comments.append(comment)
        return deviations
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
