package import HTTPServer

/// Tells by which address a request is counted: the peer's, or what a trusted proxy says of it.
package struct SourceAddress: Sendable {
    private let trustedProxies: Set<String>

    /// - Parameter trustedProxies: Addresses of proxies whose `X-Forwarded-For` is believed.
    package init(trustedProxies: [String] = []) {
        self.trustedProxies = Set(trustedProxies)
    }

    /// The nearest address that is no trusted proxy.
    package func of(_ request: HTTPRequest) -> String {
        guard trustedProxies.contains(request.peer.address) else { return request.peer.address }
        let forwarded = request.headers.all("X-Forwarded-For")
            .flatMap { $0.split(separator: ",").map { $0.filter { $0 != " " && $0 != "\t" } } }
        let source = forwarded.last { !trustedProxies.contains($0) }
        // An address is short; anything else is not worth keeping as a key.
        return source.map { String($0.prefix(64)) } ?? request.peer.address
    }
}
