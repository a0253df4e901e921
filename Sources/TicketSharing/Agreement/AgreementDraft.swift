internal import JSON

/// The members of an agreement message that we write; what is `nil` is not said.
package struct AgreementDraft: Sendable {
    /// Names the agreement; always said.
    package var id: AgreementID

    /// The sending company's name.
    package var name: String?

    /// Where the help desk that created the agreement is.
    package var senderURL: BaseURL?

    /// Where its partner is.
    package var receiverURL: BaseURL?

    /// The secret of the agreement, to propose it or to change it.
    package var accessKey: AccessKey?

    /// The status that the agreement is to have.
    package var status: Agreement.Status?

    /// Which side makes it inactive.
    package var deactivatedBy: AgreementRole?

    /// Who does this.
    package var currentActor: TicketActor?

    /// What of a ticket is shared; said together or not at all.
    package var permissions: Agreement.Permissions?

    /// The current key, which the gem repeats in every message; written in its dialect alone.
    package var repeatedKey: AccessKey?

    /// Says nothing yet but which agreement is meant.
    package init(id: AgreementID) {
        self.id = id
    }

    /// All that an agreement is, as an answer to GET shows it, without its key.
    package init(_ agreement: Agreement) {
        id = agreement.id
        name = agreement.name
        senderURL = agreement.senderURL
        receiverURL = agreement.receiverURL
        status = agreement.status
        deactivatedBy = agreement.deactivatedBy
        permissions = agreement.permissions
    }

    /// The POST that invites a partner; the status is `pending`, whatever the agreement's is.
    package static func invitation(
        to agreement: Agreement,
        key: AccessKey,
        by actor: TicketActor? = nil,
    ) -> AgreementDraft {
        var draft = AgreementDraft(agreement)
        draft.accessKey = key
        draft.status = .pending
        draft.deactivatedBy = nil
        draft.currentActor = actor
        return draft
    }

    /// The PUT by which one side accepts, declines, deactivates or resumes.
    ///
    /// - Parameter key: The current key, for ``repeatedKey``.
    package static func change(
        of id: AgreementID,
        to status: Agreement.Status,
        by role: AgreementRole,
        key: AccessKey? = nil,
        actor: TicketActor? = nil,
    ) -> AgreementDraft {
        var draft = AgreementDraft(id: id)
        draft.status = status
        draft.deactivatedBy = status == .inactive ? role : nil
        draft.repeatedKey = key
        draft.currentActor = actor
        return draft
    }
}

// MARK: - As JSON

extension AgreementDraft {
    /// The message as a partner's software writes it, members in its order.
    ///
    /// The gem has every member but `deactivated_by`, and `null` for what is not said; RT knows neither actor nor
    /// permissions; the standard form says what there is to say.
    package func encoded(as dialect: Dialect) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { object in
            for member in dialect.agreementMembers {
                if dialect == .zendesk || says(member) { write(member, to: &object) }
            }
        }
        return writer.bytes
    }

    private func says(_ member: AgreementMember) -> Bool {
        switch member {
        case .uuid: true
        case .name: name != nil
        case .senderURL: senderURL != nil
        case .receiverURL: receiverURL != nil
        case .accessKey: accessKey != nil
        case .status: status != nil
        case .deactivatedBy: deactivatedBy != nil
        case .currentActor: currentActor != nil
        case .syncTags, .syncCustomFields, .allowsPublicComments: permissions != nil
        }
    }

    private func write(_ member: AgreementMember, to object: inout JSONWriter) {
        object.name(member.name)
        switch member {
        case .uuid: object.text(id.text)
        case .name: object.text(name)
        case .senderURL: object.text(senderURL?.text)
        case .receiverURL: object.text(receiverURL?.text)
        case .accessKey: object.text((accessKey ?? repeatedKey)?.secret)
        case .status: object.text(status?.rawValue)
        case .deactivatedBy: object.text(deactivatedBy?.rawValue)
        case .currentActor: object.actor(currentActor)
        case .syncTags: object.truth(permissions?.syncsTags)
        case .syncCustomFields: object.truth(permissions?.syncsCustomFields)
        case .allowsPublicComments: object.truth(permissions?.allowsPublicComments)
        }
    }
}

extension Dialect {
    fileprivate var agreementMembers: [AgreementMember] {
        switch self {
        case .standard: AgreementMember.allCases
        case .zendesk:
            [
                .receiverURL, .senderURL, .status, .uuid, .accessKey, .name, .currentActor, .syncTags,
                .syncCustomFields, .allowsPublicComments,
            ]
        case .rt: [.senderURL, .accessKey, .name, .deactivatedBy, .receiverURL, .status, .uuid]
        }
    }
}

extension JSONWriter {
    /// Writes a text, or `null` where there is none.
    mutating func text(_ text: String?) {
        if let text { string(text) } else { null() }
    }

    fileprivate mutating func truth(_ value: Bool?) {
        if let value { bool(value) } else { null() }
    }

    fileprivate mutating func actor(_ actor: TicketActor?) {
        if let actor { actor.write(to: &self) } else { null() }
    }
}
