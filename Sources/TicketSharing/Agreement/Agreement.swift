/// An agreement as it stands after all its messages; the access key is not part of it, as it is kept elsewhere.
package struct Agreement: Sendable, Equatable {
    /// Names the agreement; never changes.
    package let id: AgreementID

    /// The sending company's name, where it gave one.
    package internal(set) var name: String?

    /// Where the help desk that created the agreement is.
    package internal(set) var senderURL: BaseURL

    /// Where its partner is.
    package internal(set) var receiverURL: BaseURL

    /// Whether tickets may be shared.
    package internal(set) var status: Status

    /// Which side made it inactive; `nil` in any other status.
    package internal(set) var deactivatedBy: AgreementRole?

    /// What of a ticket is shared.
    package internal(set) var permissions: Permissions

    /// Puts a stored agreement together again.
    package init(
        id: AgreementID,
        name: String?,
        senderURL: BaseURL,
        receiverURL: BaseURL,
        status: Status,
        deactivatedBy: AgreementRole?,
        permissions: Permissions,
    ) {
        self.id = id
        self.name = name
        self.senderURL = senderURL
        self.receiverURL = receiverURL
        self.status = status
        self.deactivatedBy = deactivatedBy
        self.permissions = permissions
    }

    /// Compares what is sent: a URL in another spelling and a name in another normal form are changes.
    package static func == (lhs: Agreement, rhs: Agreement) -> Bool {
        lhs.id == rhs.id && lhs.status == rhs.status && lhs.deactivatedBy == rhs.deactivatedBy
            && lhs.permissions == rhs.permissions && lhs.senderURL.text == rhs.senderURL.text
            && lhs.receiverURL.text == rhs.receiverURL.text
            && lhs.name.map { Array($0.utf8) } == rhs.name.map { Array($0.utf8) }
    }
}

extension Agreement {
    /// What an agreement can be.
    package enum Status: String, Sendable, CaseIterable {
        /// Invited, not yet answered.
        case pending

        /// Tickets may be shared.
        case accepted

        /// Refused by the receiver, for good.
        case declined

        /// Suspended by one side, which alone can resume it.
        case inactive
    }

    /// What of a ticket goes over and is taken over.
    ///
    /// A partner that never says a permission (RT knows none) shares everything, so what was never said is allowed;
    /// the gem says all three.
    package struct Permissions: Sendable, Equatable {
        /// Whether tags are sent on and taken over.
        package var syncsTags: Bool

        /// Whether custom fields are sent on and taken over, a comment's as well.
        package var syncsCustomFields: Bool

        /// Whether the receiver may add public comments and change the status.
        package var allowsPublicComments: Bool

        /// Names what is not shared; the rest is.
        package init(syncsTags: Bool = true, syncsCustomFields: Bool = true, allowsPublicComments: Bool = true) {
            self.syncsTags = syncsTags
            self.syncsCustomFields = syncsCustomFields
            self.allowsPublicComments = allowsPublicComments
        }

        /// Everything, as where nothing was ever said.
        package static var all: Permissions { Permissions() }
    }

    /// Where the help desk on one side is.
    package func url(of role: AgreementRole) -> BaseURL {
        role == .sender ? senderURL : receiverURL
    }
}
