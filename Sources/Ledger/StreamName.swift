/// Which stream an event belongs to: all events of one agreement, of the system, or of nobody known.
package struct StreamName: Sendable, Hashable {
    /// `agreement:<uuid>`, `system` or `unattributed`.
    package let text: String

    /// Events of the service itself and of its operators that belong to no agreement.
    package static let system = StreamName(text: "system")

    /// Requests of senders that we could not authenticate.
    package static let unattributed = StreamName(text: "unattributed")

    /// The stream of an agreement, by the identifier as it stands in the protocol.
    package static func agreement(_ identifier: String) -> StreamName {
        StreamName(text: agreementPrefix + identifier)
    }

    /// The agreement's identifier, or `nil` for the two streams that have none.
    package var agreement: String? {
        text.hasPrefix(Self.agreementPrefix) ? String(text.dropFirst(Self.agreementPrefix.count)) : nil
    }

    /// Takes a name that was read back from the ledger.
    package init?(_ text: String) {
        self.init(text: text)
        guard self == .system || self == .unattributed || agreement.map({ !$0.isEmpty }) == true else { return nil }
    }

    private init(text: String) {
        self.text = text
    }

    private static let agreementPrefix = "agreement:"
}
