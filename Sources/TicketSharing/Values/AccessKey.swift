/// The secret of one agreement; it shows itself to nobody who does not ask for ``secret``.
package struct AccessKey: Sendable {
    /// The key in the clear, for sending, hashing and encrypting.
    package let secret: String

    /// Takes 1 to 255 printable ASCII characters without spaces; `nil` for what could not stand in a header.
    package init?(_ secret: String) {
        guard 1...255 ~= secret.utf8.count, secret.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        self.secret = secret
    }
}

extension AccessKey: Equatable {
    /// Takes the same time wherever two keys of one length differ.
    package static func == (lhs: AccessKey, rhs: AccessKey) -> Bool {
        guard lhs.secret.utf8.count == rhs.secret.utf8.count else { return false }
        return zip(lhs.secret.utf8, rhs.secret.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension AccessKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// A mask, as stored bytes have it where a credential stood.
    package var description: String {
        "[secret]"
    }

    /// The same mask, so that no debugger's print shows the key.
    package var debugDescription: String {
        description
    }

    /// Nothing, so that no dump shows the key.
    package var customMirror: Mirror {
        Mirror(self, children: [])
    }
}
