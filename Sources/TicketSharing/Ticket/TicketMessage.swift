package import JSON

/// What a POST or PUT of a ticket says: checked whole, and decoded only as far as it is asked.
///
/// A member that is absent or `null` says nothing, at every level.
package struct TicketMessage: Sendable {
    /// The ticket, as the path of the request names it.
    package let id: TicketID

    private let match: JSONMatch

    /// Checks every interpreted member of a body, at every level.
    ///
    /// A POST must hold the ticket's `uuid`. Nothing else is demanded: RT shares without comments, and which members
    /// "the entire ticket" has differs between desks. Names that stand twice are refused in every object that we
    /// interpret, also names we do not know; within `custom_fields` and unknown members nothing is looked at.
    ///
    /// - Parameters:
    ///   - isShare: Whether this is a POST, which shares the ticket, and not a PUT.
    ///   - id: The identifier in the path; one in the body must equal it.
    package init(
        _ document: JSONDocument,
        isShare: Bool,
        id: TicketID,
        limits: TicketLimits = .standard,
    ) throws(ProtocolFault) {
        let reader = try MemberReader(
            document.root,
            names: TicketMember.names,
            at: .message,
            maximumUnknownMemberCount: limits.unknownMemberCount,
        )
        self.id = id
        match = reader.match
        let uuid = try reader.identifier(TicketMember.uuid.rawValue)
        if isShare { _ = try reader.required(TicketMember.uuid.rawValue, uuid) }
        if let uuid, !uuid.isString(id.text) {
            throw reader.fault(.identifierMismatch, TicketMember.uuid.rawValue, "must be the one in the path")
        }
        try reader.text(TicketMember.subject.rawValue, longest: limits.lineByteCount)
        _ = try reader.time(TicketMember.requestedAt.rawValue)
        try reader.text(TicketMember.status.rawValue, longest: limits.labelByteCount)
        try reader.text(TicketMember.customStatus.rawValue, longest: limits.labelByteCount)
        for member in [TicketMember.requester, .currentActor] {
            guard let actor = try reader.object(member.rawValue) else { continue }
            try TicketActor.check(actor, at: .actor(member.name), limits: limits)
        }
        try reader.checkOriginalID(longest: limits.labelByteCount)
        _ = try reader.object(TicketMember.customFields.rawValue)
        try reader.checkTags(limits)
        if let comments = try reader.array(TicketMember.comments.rawValue, longest: limits.commentCount) {
            for (index, comment) in comments.elements.enumerated() {
                try CommentMessage.check(comment, index: index, limits: limits)
            }
        }
    }

    /// Reads a message that was accepted or saved, however the limits are set now; `nil` for what is none.
    package init?(stored document: JSONDocument, id: TicketID) {
        do throws(ProtocolFault) {
            try self.init(document, isShare: false, id: id, limits: .unlimited)
        } catch {
            return nil
        }
    }
}

extension MemberReader {
    fileprivate func checkOriginalID(longest: Int) throws(ProtocolFault) {
        let slot = TicketMember.originalID.rawValue
        guard let value = said(slot) else { return }
        switch value.kind {
        case .string:
            try check(value, slot, "", longest: longest)
        case .number:
            guard value.byteRange.count <= longest else {
                throw fault(.overLimit, slot, "must not be over \(longest) bytes")
            }
        default:
            throw fault(.wrongType, slot, "must be a string or a number")
        }
    }

    fileprivate func checkTags(_ limits: TicketLimits) throws(ProtocolFault) {
        let slot = TicketMember.tags.rawValue
        guard let tags = try array(slot, longest: limits.tagCount) else { return }
        for (index, tag) in tags.elements.enumerated() {
            guard case .string = tag.kind else { throw fault(.wrongType, slot, "element \(index) must be a string") }
            if tag.textFault != nil || tag.stringByteCount > limits.labelByteCount {
                try check(tag, slot, "element \(index)", longest: limits.labelByteCount)
            }
        }
    }
}

// MARK: - What it says

extension TicketMessage {
    /// The interpreted members that say something, in the order of ``TicketMember``.
    package var saidMembers: [TicketMember] {
        TicketMember.allCases.filter { said($0) != nil }
    }

    /// Whether it says any of the members of which an agreement may allow less than all, but for the status.
    ///
    /// Then ``Ticket/deviations(in:by:under:)`` depends on more of the ticket than its status.
    package var saysWhatMayBeLimited: Bool {
        [TicketMember.customStatus, .tags, .customFields, .comments].contains { said($0) != nil }
    }

    /// The line by which a person knows the ticket.
    package var subject: String? {
        said(.subject)?.string
    }

    /// When the ticket came up.
    package var requestedAt: WireTime? {
        said(.requestedAt)?.wireTime
    }

    /// `new`, `open`, `pending`, `hold`, `solved`, `closed`, `deleted`, or what else a desk calls it.
    package var status: String? {
        said(.status)?.string
    }

    /// Who asks.
    package var requester: TicketActor? {
        said(.requester).map(TicketActor.init)
    }

    /// The comments in order; none where nothing is said of them.
    package var comments: [CommentMessage] {
        said(.comments)?.elements.map(CommentMessage.init) ?? []
    }

    /// Who did this.
    package var currentActor: TicketActor? {
        said(.currentActor).map(TicketActor.init)
    }

    /// The tags, in order.
    package var tags: [String]? {
        said(.tags)?.elements.map { $0.string ?? "" }
    }

    /// The number in the system of origin.
    package var originalID: OriginalID? {
        said(.originalID).map { value in value.string.map { .text($0) } ?? .number(value.rawText) }
    }

    /// An object that we do not interpret.
    package var customFields: OpaqueJSON? {
        said(.customFields).map(OpaqueJSON.init)
    }

    /// A desk's own name for the status.
    package var customStatus: String? {
        said(.customStatus)?.string
    }

    /// About how much memory the whole document takes.
    package var memoryByteCount: Int {
        match.object.documentByteCount
    }

    /// The members that we do not interpret, `null` ones included, in order.
    package var unknownMembers: [OpaqueMember] {
        match.opaqueMembers
    }

    private func said(_ member: TicketMember) -> JSONValue? {
        match.said(member.rawValue)
    }
}
