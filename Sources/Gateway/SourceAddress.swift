import Glibc
package import HTTPServer

/// Tells by which address a request is counted: the peer's, or what a trusted proxy says of it.
package struct SourceAddress: Sendable {
    private let trustedProxies: Set<String>

    /// - Parameter trustedProxies: Addresses of proxies whose `X-Forwarded-For` is believed.
    package init(trustedProxies: [String] = []) {
        self.trustedProxies = Set(trustedProxies)
    }

    /// The nearest address that is no trusted proxy; the proxy's own where it names no address.
    package func of(_ request: HTTPRequest) -> String {
        guard trustedProxies.contains(request.peer.address) else { return request.peer.address }
        let nearest = request.headers.all("X-Forwarded-For")
            .flatMap { $0.split(separator: ",") }
            .map(Self.address)
            .last { $0.map { !trustedProxies.contains($0) } ?? true }
        return (nearest ?? nil) ?? request.peer.address
    }

    /// The address of an element, which some proxies write with the client's port, in brackets, or with a zone: whoever
    /// chooses those must not be counted as another one each time.
    private static func address(_ element: Substring) -> String? {
        var text = element.filter { $0 != " " && $0 != "\t" }[...]
        if text.first == "[" {
            text = text.dropFirst().prefix { $0 != "]" }
        } else if text.count(where: { $0 == ":" }) == 1 {
            text = text.prefix { $0 != ":" }
        }
        let address = String(text.prefix { $0 != "%" })
        var octets = in6_addr()
        let isAddress = [AF_INET, AF_INET6].contains { unsafe inet_pton($0, address, &octets) == 1 }
        return isAddress ? address : nil
    }
}
