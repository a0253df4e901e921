package import Ledger
package import TicketSharing

/// A request of the protocol as it was read from a connection, before anything was made of it.
package struct IncomingRequest: Sendable {
    /// A header field; names and values are the bytes of the wire.
    package typealias Field = (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)

    package let direction: Direction
    package let method: String

    /// Path and query as received, without decoding.
    package let target: String

    /// Such as `HTTP/1.1`.
    package let version: String

    package let fields: [Field]
    package let body: [UInt8]

    /// True where ``body`` is only the beginning of one that was over the limit.
    package let isBodyCut: Bool

    /// What the path names; `nil` where it names nothing of the protocol.
    package let route: Route?

    /// The partner's name in the path, for a request of our own desk.
    package let partner: String?

    /// The address that refusals are counted by.
    package let source: String

    package init(
        direction: Direction,
        method: String,
        target: String,
        version: String,
        fields: [Field],
        body: [UInt8],
        isBodyCut: Bool,
        route: Route?,
        partner: String?,
        source: String,
    ) {
        self.direction = direction
        self.method = method
        self.target = target
        self.version = version
        self.fields = fields
        self.body = body
        self.isBodyCut = isBodyCut
        self.route = route
        self.partner = partner
        self.source = source
    }

    /// An endpoint below the base URL with the identifier as it stood in the path.
    package struct Route: Sendable, Hashable {
        package let resource: Resource

        /// Percent escapes undone where they stand for characters that an identifier may have.
        package let identifier: String

        package init(resource: Resource, identifier: String) {
            self.resource = resource
            self.identifier = identifier
        }
    }

    /// The values of the fields called `name`, in order; names compare without regard to case.
    func values(of name: String) -> [ArraySlice<UInt8>] {
        fields.filter { isField($0.name, named: name) }.map(\.value)
    }

    /// The first value of the field called `name`, as text.
    func text(of name: String) -> String? {
        fields.first { isField($0.name, named: name) }.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

/// Whether a field's name is `name`, which is given in any case.
func isField(_ bytes: ArraySlice<UInt8>, named name: String) -> Bool {
    guard bytes.count == name.utf8.count else { return false }
    var index = bytes.startIndex
    for byte in name.utf8 {
        guard lowercased(bytes[index]) == lowercased(byte) else { return false }
        index += 1
    }
    return true
}

/// A letter of ASCII in lower case, any other byte as it is.
func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}
