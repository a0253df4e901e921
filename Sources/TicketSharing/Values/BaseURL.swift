/// Where a help desk speaks the protocol: `https://desk.example/sharing`.
///
/// Compared as what is addressed, not letter by letter: case of scheme and host, a default port and slashes at the
/// end make no difference; case of the path and the spelling of its percent escapes do. `http` and `https` differ,
/// as a change from one to the other matters; see ``isSameAddress(as:)`` for where it does not.
package struct BaseURL: Sendable {
    /// The most bytes that a base URL may have.
    package static let longest = 2_000

    /// The URL as it was given.
    package let text: String

    /// The host in lower case, an IPv6 address without its brackets.
    package let host: String

    /// The port, given or implied by the scheme.
    package let port: Int

    /// Whether the scheme is `https`.
    package let isSecure: Bool

    /// The path as it was given, without slashes at its end; empty, or begins with a slash.
    package let path: String

    /// Takes an absolute `http` or `https` URL with a host and any path, without query, fragment and user.
    package init(_ text: String) throws(BaseURLFault) {
        let parts = try BaseURLParts(text)
        self.text = text
        host = parts.host
        port = parts.port
        isSecure = parts.isSecure
        path = parts.path
    }

    /// What generated identifiers begin with: the URL as given, without its scheme and slashes at its end.
    package var schemeless: String {
        var rest = text[...]
        if let slashes = text.firstRange(of: "://") { rest = text[slashes.upperBound...] }
        while rest.last == "/" { rest.removeLast() }
        return String(rest)
    }

    /// Whether both lead to the same desk, be it by `http` or by `https` (TLS may end at a proxy before it).
    package func isSameAddress(as other: BaseURL) -> Bool {
        host == other.host && path == other.path && portBesideDefault == other.portBesideDefault
    }

    private var portBesideDefault: Int? {
        port == (isSecure ? 443 : 80) ? nil : port
    }
}

extension BaseURL: Hashable {
    /// Whether both are the same origin and path.
    package static func == (lhs: BaseURL, rhs: BaseURL) -> Bool {
        lhs.isSecure == rhs.isSecure && lhs.port == rhs.port && lhs.host == rhs.host && lhs.path == rhs.path
    }

    /// Hashes what is compared.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(isSecure)
        hasher.combine(port)
        hasher.combine(host)
        hasher.combine(path)
    }
}

extension BaseURL: CustomStringConvertible {
    /// The URL as it was given.
    package var description: String {
        text
    }
}

/// What keeps a text from being a base URL.
package enum BaseURLFault: String, Error, Sendable, CaseIterable {
    case tooLong = "is longer than 2000 bytes"
    case forbiddenCharacter = "holds a character that a URL must not hold"
    case scheme = "must begin with http:// or https://"
    case user = "must not name a user"
    case host = "has no valid host"
    case port = "has no valid port"
    case query = "must have neither query nor fragment"
    case path = "has dots for a path segment or a malformed percent escape"
}
