package import TicketSharing

/// What decisions depend on besides the ledger.
package struct SharingSettings: Sendable {
    /// Our base URL as partners know it.
    package let publicURL: BaseURL

    /// The desk's own base URL, to which accepted inbound messages are delivered as well.
    package let deskURL: BaseURL?

    /// Our base URL as the desk knows it, without `/to/PARTNER`.
    package let privateURL: BaseURL

    /// Whether an outbound message that discloses more than its agreement allows is refused.
    package let isStrict: Bool

    package init(publicURL: BaseURL, deskURL: BaseURL?, privateURL: BaseURL, isStrict: Bool) {
        self.publicURL = publicURL
        self.deskURL = deskURL
        self.privateURL = privateURL
        self.isStrict = isStrict
    }
}
