/// An absolute `http` or `https` URL that has only one reading.
///
/// Scheme and host are lower-case and the port is always known; path and query are kept byte for byte. Equality
/// compares exactly these: `https://A.example:443/x` equals `https://a.example/x`, but not `https://a.example/x/`,
/// nor a path with other percent-encoding. To compare base URLs use ``identity``.
package struct HTTPURL: Hashable, Sendable {
    /// How the target is spoken to.
    package enum Scheme: String, Sendable {
        case http
        case https

        /// 80 or 443.
        package var defaultPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    /// Bytes that a URL may have at most.
    package static let maximumByteCount = 2_048

    /// How the target is spoken to.
    package let scheme: Scheme

    /// A lower-case name without trailing dot, a dotted quad, or an IPv6 address in brackets in its RFC 5952 form.
    package let host: String

    /// The port as given, or the scheme's.
    package let port: UInt16

    /// Empty, or beginning with a slash; byte for byte as given, dot segments included.
    package let path: String

    /// What follows the first question mark, byte for byte; nil without one.
    package let query: String?

    /// The host as an address if it is one rather than a name.
    package let literalAddress: IPAddress?

    /// Takes parts that ``init(_:)`` has checked.
    init(scheme: Scheme, host: String, port: UInt16, path: String, query: String?, literalAddress: IPAddress?) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.query = query
        self.literalAddress = literalAddress
    }
}

// MARK: - Renderings

extension HTTPURL: CustomStringConvertible {
    /// The whole URL, scheme and host in lower case, a default port left out.
    package var description: String { "\(scheme.rawValue)://\(authority)\(path)\(querySuffix)" }

    /// Host, and port unless it is the scheme's: the value of a `Host` header.
    package var authority: String { port == scheme.defaultPort ? host : "\(host):\(port)" }

    /// Path and query as they stand in the request line.
    package var requestTarget: String { (path.isEmpty ? "/" : path) + querySuffix }

    /// What two writings of one base URL have in common: ``description`` without slashes at the path's end.
    package var identity: String {
        let end = path.utf8.lastIndex { $0 != UInt8(ascii: "/") }.map { path.utf8.index(after: $0) } ?? path.startIndex
        return "\(scheme.rawValue)://\(authority)\(path[..<end])\(querySuffix)"
    }

    private var querySuffix: String { query.map { "?\($0)" } ?? "" }
}

// MARK: - Building

extension HTTPURL {
    /// This URL with a path below it, joined by exactly one slash.
    ///
    /// - Throws: ``Refusal`` if this URL has a query, which would end up in the middle, or if the result is not valid.
    package func appending(path suffix: String) throws(Refusal) -> HTTPURL {
        guard query == nil else { throw .queryInBase }
        try Self.checkCharacters(suffix)
        let parts = suffix.utf8.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        let below = parts.first.map { $0.first == UInt8(ascii: "/") ? $0.dropFirst() : $0 }.flatMap(String.init) ?? ""
        let separator = path.utf8.last == UInt8(ascii: "/") ? "" : "/"
        let joined = HTTPURL(
            scheme: scheme,
            host: host,
            port: port,
            path: path + separator + below,
            query: parts.count == 2 ? String(parts[1]) : nil,
            literalAddress: literalAddress,
        )
        guard joined.description.utf8.count <= Self.maximumByteCount else { throw .tooLong }
        return joined
    }
}
