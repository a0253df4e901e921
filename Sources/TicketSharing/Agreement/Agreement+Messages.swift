extension Agreement {
    /// Makes the agreement that an invitation proposes; its access key is the message's.
    ///
    /// An invitation says where both sides are, its key and `status` `pending`; a name and permissions may be missing.
    /// It is sent by the sender to the receiver, so the receiver's URL must be the addressed help desk's, by `http` or
    /// `https`, and the sender's another.
    ///
    /// - Parameter addressed: The base URL of the help desk that the request came to.
    package static func invited(
        by message: AgreementMessage,
        addressed: BaseURL,
    ) throws(ProtocolFault) -> Agreement {
        guard message.byteRange(of: .uuid) != nil else { throw missing(.uuid) }
        guard let senderURL = message.senderURL else { throw missing(.senderURL) }
        guard let receiverURL = message.receiverURL else { throw missing(.receiverURL) }
        guard message.accessKey != nil else { throw missing(.accessKey) }
        guard let status = message.status else { throw missing(.status) }
        guard status == .pending else { throw invalid(.status, "must be pending in an invitation") }
        guard message.deactivatedBy == nil else { throw invalid(.deactivatedBy, "must not be set in an invitation") }
        guard receiverURL.isSameAddress(as: addressed) else {
            throw invalid(.receiverURL, "must be the base URL of the help desk that is addressed")
        }
        guard !senderURL.isSameAddress(as: addressed) else {
            throw invalid(.senderURL, "must not be the help desk that is addressed")
        }
        return Agreement(
            id: message.id,
            name: message.name,
            senderURL: senderURL,
            receiverURL: receiverURL,
            status: .pending,
            deactivatedBy: nil,
            permissions: Permissions.all.changed(by: message),
        )
    }

    /// The agreement after a PUT, and which members it changed; values equal to the current ones change nothing.
    ///
    /// What only the other side may change is refused with 403 where it differs, permissions included: they bind the
    /// receiver, so they are the sender's to change. A step that the status does not allow is refused with 422.
    ///
    /// - Parameters:
    ///   - role: The side that sent the message, as its token and direction tell.
    ///   - keyMatches: Whether the message's access key is the current one; without meaning where it has none.
    package func applying(
        _ message: AgreementMessage,
        from role: AgreementRole,
        keyMatches: Bool,
    ) throws(ProtocolFault) -> (agreement: Agreement, changedMembers: [AgreementMember]) {
        precondition(message.id == id, "the message is about another agreement")
        let changed = changedMembers(by: message, from: role, keyMatches: keyMatches)
        for member in changed where !member.mayBeChanged(by: role) {
            throw ProtocolFault(
                .forbidden,
                .notPermitted,
                "only the \(role.partner.rawValue) may change \(member.name)"
            )
        }
        guard status != .declined || changed.isEmpty else {
            throw ProtocolFault(.unprocessable, .statusConflict, "the agreement is declined, which is final")
        }
        var agreement = self
        agreement.name = message.name ?? name
        if changed.contains(.senderURL) { agreement.senderURL = message.senderURL ?? senderURL }
        if changed.contains(.receiverURL) { agreement.receiverURL = message.receiverURL ?? receiverURL }
        agreement.permissions = permissions.changed(by: message)
        try agreement.take(status: message.status ?? status, deactivatedBy: message.deactivatedBy, from: role)
        var members = changed
        if agreement.deactivatedBy != deactivatedBy { members.append(.deactivatedBy) }
        return (agreement, members.sorted { $0.rawValue < $1.rawValue })
    }
}

// MARK: - Who may change what

extension AgreementMember {
    fileprivate func mayBeChanged(by role: AgreementRole) -> Bool {
        switch self {
        case .name, .senderURL, .accessKey, .syncTags, .syncCustomFields, .allowsPublicComments: role == .sender
        case .receiverURL: role == .receiver
        case .uuid, .status, .deactivatedBy, .currentActor: true
        }
    }
}

extension Agreement.Permissions {
    /// The permissions with those replaced that a message names.
    fileprivate func changed(by message: AgreementMessage) -> Agreement.Permissions {
        Agreement.Permissions(
            syncsTags: message.syncTags ?? syncsTags,
            syncsCustomFields: message.syncCustomFields ?? syncsCustomFields,
            allowsPublicComments: message.allowsPublicComments ?? allowsPublicComments,
        )
    }
}

extension Agreement {
    /// The members in which a message differs from what is, but for `deactivated_by`, which goes with the status.
    private func changedMembers(
        by message: AgreementMessage,
        from role: AgreementRole,
        keyMatches: Bool,
    ) -> [AgreementMember] {
        var changed: [AgreementMember] = []
        func note(_ member: AgreementMember, if differs: Bool?) {
            if differs == true { changed.append(member) }
        }
        note(.name, if: message.name.map { !$0.utf8.elementsEqual((name ?? "").utf8) || name == nil })
        note(.senderURL, if: message.senderURL.map { isChange(of: .sender, to: $0, from: role) })
        note(.receiverURL, if: message.receiverURL.map { isChange(of: .receiver, to: $0, from: role) })
        note(.accessKey, if: message.accessKey != nil && !keyMatches)
        note(.status, if: message.status.map { $0 != status })
        note(.syncTags, if: message.syncTags.map { $0 != permissions.syncsTags })
        note(.syncCustomFields, if: message.syncCustomFields.map { $0 != permissions.syncsCustomFields })
        note(.allowsPublicComments, if: message.allowsPublicComments.map { $0 != permissions.allowsPublicComments })
        return changed
    }

    /// Whether a URL is another one; who only names its partner may do so by `http` or by `https`.
    private func isChange(of side: AgreementRole, to url: BaseURL, from role: AgreementRole) -> Bool {
        side == role ? url != self.url(of: side) : !url.isSameAddress(as: self.url(of: side))
    }

    private static func missing(_ member: AgreementMember) -> ProtocolFault {
        ProtocolFault(.unprocessable, .missingMember, "\(member.name) is required")
    }

    fileprivate static func invalid(_ member: AgreementMember, _ what: String) -> ProtocolFault {
        ProtocolFault(.unprocessable, .invalidValue, "\(member.name) \(what)")
    }
}

// MARK: - Steps of the status

extension Agreement {
    /// Goes from the current status to the next one, or refuses the step.
    ///
    /// The side that deactivates names itself or nobody, which means itself (the gem). Where the agreement is inactive
    /// already, deactivating it once more changes nothing, so the side that did it first stays the one to resume it.
    private mutating func take(
        status next: Status,
        deactivatedBy named: AgreementRole?,
        from role: AgreementRole,
    ) throws(ProtocolFault) {
        if let named, named != deactivatedBy {
            guard next == .inactive, named == role else {
                throw Self.invalid(.deactivatedBy, "must name the side that deactivates the agreement")
            }
        }
        switch (status, next) {
        case (_, status):
            return
        case (.pending, .accepted), (.pending, .declined):
            guard role == .receiver else { throw Self.notPermitted("only the receiver may answer an invitation") }
        case (.accepted, .inactive):
            deactivatedBy = role
        case (.inactive, .accepted):
            guard role == deactivatedBy else {
                throw Self.notPermitted("only the side that deactivated the agreement may make it accepted again")
            }
            deactivatedBy = nil
        default:
            let step = "from \(status.rawValue) to \(next.rawValue)"
            throw ProtocolFault(.unprocessable, .statusConflict, "an agreement does not go \(step)")
        }
        status = next
    }

    private static func notPermitted(_ detail: String) -> ProtocolFault {
        ProtocolFault(.forbidden, .notPermitted, detail)
    }
}
