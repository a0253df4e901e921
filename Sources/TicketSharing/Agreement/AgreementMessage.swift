package import JSON

/// What a POST or PUT of an agreement says; a member that is absent or `null` says nothing.
package struct AgreementMessage: Sendable {
    /// The agreement, as the path of the request names it.
    package let id: AgreementID

    /// The sending company's name.
    package let name: String?

    /// Where the help desk that created the agreement is.
    package let senderURL: BaseURL?

    /// Where its partner is.
    package let receiverURL: BaseURL?

    /// The secret of the agreement.
    package let accessKey: AccessKey?

    /// The status that the agreement is to have.
    package let status: Agreement.Status?

    /// Which side made the agreement inactive.
    package let deactivatedBy: AgreementRole?

    /// Who did this.
    package let currentActor: TicketActor?

    /// Whether tags are shared.
    package let syncTags: Bool?

    /// Whether custom fields are shared.
    package let syncCustomFields: Bool?

    /// Whether the receiver may add public comments and change the status.
    package let allowsPublicComments: Bool?

    private let match: JSONMatch

    /// Checks every interpreted member of a body.
    ///
    /// - Parameter id: The identifier in the path; one in the body must equal it.
    package init(_ document: JSONDocument, id: AgreementID) throws(ProtocolFault) {
        let reader = try MemberReader(
            document.root,
            names: AgreementMember.names,
            at: .message,
            maximumUnknownMemberCount: Self.maximumUnknownMemberCount,
        )
        if let value = try reader.identifier(AgreementMember.uuid.rawValue), !value.isString(id.text) {
            throw reader.fault(.identifierMismatch, AgreementMember.uuid.rawValue, "must be the one in the path")
        }
        self.id = id
        name = try reader.text(AgreementMember.name.rawValue, longest: Self.longestName)?.string
        senderURL = try reader.baseURL(.senderURL)
        receiverURL = try reader.baseURL(.receiverURL)
        accessKey = try reader.accessKey()
        status = try reader.choice(.status, of: "pending, accepted, declined or inactive")
        deactivatedBy = try reader.choice(.deactivatedBy, of: "sender or receiver")
        let actor = try reader.object(AgreementMember.currentActor.rawValue)
        if let actor { try TicketActor.check(actor, at: .actor(AgreementMember.currentActor.name)) }
        currentActor = actor.map(TicketActor.init)
        syncTags = try reader.bool(AgreementMember.syncTags.rawValue)
        syncCustomFields = try reader.bool(AgreementMember.syncCustomFields.rawValue)
        allowsPublicComments = try reader.bool(AgreementMember.allowsPublicComments.rawValue)
        match = reader.match
    }

    private static let longestName = 1_024
    private static let maximumUnknownMemberCount = 256
}

extension AgreementMessage {
    /// The members that say something, in the order of ``AgreementMember``.
    package var saidMembers: [AgreementMember] {
        AgreementMember.allCases.filter { match.said($0.rawValue) != nil }
    }

    /// Where a member's value stands in the body, quotes included; `nil` where it says nothing.
    package func byteRange(of member: AgreementMember) -> Range<Int>? {
        match.said(member.rawValue)?.byteRange
    }

    /// The members that we do not interpret, in order.
    package var unknownMembers: [OpaqueMember] {
        match.opaqueMembers
    }

    /// Where values of members named `access_key` stand, at any depth and repeated or not; `null` is no credential.
    ///
    /// For cutting credentials out of a body that is refused and stored all the same.
    package static func credentialRanges(in document: JSONDocument) -> [Range<Int>] {
        document.values(named: accessKeyName).filter { !$0.isNull }.map(\.byteRange)
    }

    private static let accessKeyName = JSONMemberNames([AgreementMember.accessKey.name])

    /// Checks the token that may come with an invitation: where one is sent, it must be the one of the body.
    package func checkInvitation(token: Token?) throws(ProtocolFault) {
        guard let token else { return }
        guard token.agreement == id, token.key == accessKey else { throw .notAuthorized }
    }
}

// MARK: - Reading

extension MemberReader {
    fileprivate func baseURL(_ member: AgreementMember) throws(ProtocolFault) -> BaseURL? {
        guard let text = try text(member.rawValue, longest: 4 * BaseURL.longest)?.string else { return nil }
        do throws(BaseURLFault) {
            return try BaseURL(text)
        } catch {
            throw fault(.invalidValue, member.rawValue, error.rawValue)
        }
    }

    fileprivate func accessKey() throws(ProtocolFault) -> AccessKey? {
        let slot = AgreementMember.accessKey.rawValue
        guard let text = try text(slot, longest: 4_096)?.string else { return nil }
        guard let key = AccessKey(text) else {
            throw fault(.invalidValue, slot, "must be 1 to 255 printable ASCII characters without spaces")
        }
        return key
    }

    fileprivate func choice<Choice: RawRepresentable<String>>(
        _ member: AgreementMember,
        of choices: String,
    ) throws(ProtocolFault) -> Choice? {
        guard let text = try text(member.rawValue, longest: 64)?.string else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw fault(.invalidValue, member.rawValue, "must be \(choices)")
        }
        return choice
    }
}
