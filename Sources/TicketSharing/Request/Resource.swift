/// What lies below a base URL, and the methods that each has.
package enum Resource: String, Sendable, CaseIterable {
    case agreements
    case tickets

    /// The methods of one such resource, for deciding and for `Allow`.
    package var methods: [RequestMethod] {
        switch self {
        case .agreements: [.get, .post, .put]
        case .tickets: [.get, .post, .put, .delete]
        }
    }
}

/// The HTTP methods of the protocol.
package enum RequestMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"

    /// Whether a request with this method has a body; that of DELETE is empty.
    package var hasBody: Bool {
        self == .post || self == .put
    }
}

/// A header's name and value, in the order and spelling in which they are sent.
package struct HeaderField: Sendable, Equatable {
    /// The name, compared by others without regard to case.
    package let name: String

    /// The value, without white space at its ends.
    package let value: String

    /// Takes a name and a value that can stand in a header.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}
