/// One request as it was received, complete with its body.
package struct HTTPRequest: Sendable {
    /// The method in the sender's case; any token reaches the handler.
    package let method: String

    /// Path and query exactly as received: nothing is decoded or normalised. Visible ASCII that starts with `/`, or `*`.
    package let target: String

    /// 1.0 or 1.1; later minor versions count as 1.1, as RFC 9110 asks.
    package let version: Version

    /// The header fields in order of receipt.
    package let headers: HTTPHeaders

    /// The body without its transfer coding; only a beginning if ``bodyOverflow``.
    package let body: [UInt8]

    /// Whether the body passed the limit, so that ``body`` holds its beginning only.
    package let bodyOverflow: Bool

    /// Who sent it; behind a proxy, the proxy.
    package let peer: Peer

    /// A request that is made rather than received, as tests of routes do.
    package init(
        method: String,
        target: String,
        version: Version = .http11,
        headers: HTTPHeaders = HTTPHeaders(),
        body: [UInt8] = [],
        bodyOverflow: Bool = false,
        peer: Peer,
    ) {
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.body = body
        self.bodyOverflow = bodyOverflow
        self.peer = peer
    }
}

// MARK: - Parts

extension HTTPRequest {
    /// The target up to the first `?`, still escaped.
    package var path: Substring {
        target[..<(target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex)]
    }

    /// The target after the first `?`, still escaped; nil without one, empty if nothing follows it.
    package var query: Substring? {
        target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[target.utf8.index(after: $0)...] }
    }

    /// The protocol version that the client speaks.
    package enum Version: String, Sendable {
        case http10 = "HTTP/1.0"
        case http11 = "HTTP/1.1"
    }

    /// The other end of a connection.
    package struct Peer: Sendable, Hashable, CustomStringConvertible {
        /// The IP address as text, such as `192.0.2.7` or `2001:db8::7`; IPv4 in IPv6 is shown as IPv4.
        package let address: String

        /// What connections are counted by: the /64 of an IPv6 address, as whoever has one has all of those.
        package let network: String

        /// The TCP port at that end.
        package let port: UInt16

        /// The end at an address, which is not checked.
        package init(address: String, port: UInt16) {
            self.address = address
            self.port = port
            network = Self.network(of: address)
        }

        /// `address:port`, with brackets around IPv6.
        package var description: String {
            address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        }
    }
}
