package import HTTPServer
import Ledger
package import LedgerStore
import Metrics
import Sharing
import TicketSharing

/// What our own side can reach: the protocol towards each partner, health, and what needs the bearer token.
package struct PrivateRoutes: Sendable {
    private let service: MessageService
    private let hosts: Set<String>
    private let token: AccessToken
    private let ledger: LedgerIdentity
    private let readiness: @Sendable () async -> Readiness
    private let metrics: @Sendable () async -> String

    /// Whether the service takes messages.
    package enum Readiness: Sendable, Equatable {
        case ready
        case notReady(String)
    }

    /// - Parameters:
    ///   - hosts: Values of `Host` that are answered, in lower case, with or without port; a page that rebinds its name
    ///     to our address brings its own.
    ///   - token: The bearer token of `/api` and `/metrics`.
    ///   - ledger: Which ledger is served, for who has to tell services apart.
    ///   - metrics: What `/metrics` says, in Prometheus' text format.
    package init(
        service: MessageService,
        hosts: [String],
        token: AccessToken,
        ledger: LedgerIdentity,
        readiness: @escaping @Sendable () async -> Readiness,
        metrics: @escaping @Sendable () async -> String,
    ) {
        self.service = service
        self.hosts = Set(hosts.map { $0.lowercased() })
        self.token = token
        self.ledger = ledger
        self.readiness = readiness
        self.metrics = metrics
    }

    /// Answers one request.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        guard isKnownHost(request.headers.first("Host") ?? "") else {
            let detail = "this Host is not served here; --private-host adds one"
            return HTTPResponse(ProtocolFault(.forbidden, .notPermitted, detail))
        }
        guard !isFromPage(request) else {
            let detail = "requests that web pages make are not served here: send no Origin"
            return HTTPResponse(ProtocolFault(.forbidden, .notPermitted, detail))
        }
        switch request.path {
        case "/healthz":
            return HTTPResponse(status: 200, contentType: "text/plain", text: "ok\n")
        case "/readyz":
            switch await readiness() {
            case .ready:
                return HTTPResponse(status: 200, contentType: "text/plain", text: "ready\nledger \(ledger)\n")
            case .notReady(let cause):
                let retry = HTTPResponse.Field("Retry-After", "5")
                return HTTPResponse(
                    status: 503,
                    contentType: "text/plain",
                    headers: [retry],
                    text: "not ready: \(cause)\n"
                )
            }
        case let path where path.hasPrefix("/to/"):
            return await toPartner(request, path)
        case let path where path.hasPrefix("/api/") || path == "/metrics":
            guard token.isBorne(by: request) else {
                let challenge = HTTPResponse.Field("WWW-Authenticate", "Bearer")
                var response = HTTPResponse(ProtocolFault(.unauthorized, .tokenMissing, "a bearer token is required"))
                response.headers = response.headers.filter { $0.name != "WWW-Authenticate" } + [challenge]
                return response
            }
            guard path == "/metrics" else {
                return HTTPResponse(ProtocolFault(.notFound, .unknownResource, "there is nothing at this path"))
            }
            guard request.method == "GET" || request.method == "HEAD" else {
                return HTTPResponse(ProtocolFault(.methodNotAllowed, .methodNotAllowed, "allowed are GET, HEAD"))
            }
            return HTTPResponse(status: 200, contentType: MetricsText.contentType, text: await metrics())
        default:
            return HTTPResponse(ProtocolFault(.notFound, .unknownResource, "there is nothing at this path"))
        }
    }

    private func toPartner(_ request: HTTPRequest, _ path: Substring) async -> HTTPResponse {
        let name = path.dropFirst("/to/".count).prefix { $0 != "/" }
        let base = path.prefix("/to/".count + name.count)
        return await service.answer(
            IncomingRequest(
                request,
                direction: .outbound,
                route: ProtocolPath.route(path, below: base),
                partner: String(name),
                source: request.peer.address,
            ),
        )
    }

    /// Whether a browser makes the request for a page, any page: it says so in fields that pages cannot set.
    private func isFromPage(_ request: HTTPRequest) -> Bool {
        let site = request.headers.first("Sec-Fetch-Site")?.lowercased() ?? "none"
        return request.headers.first("Origin") != nil || site != "none"
    }

    private func isKnownHost(_ host: String) -> Bool {
        let host = host.lowercased()
        guard !hosts.contains(host) else { return true }
        guard let colon = host.lastIndex(of: ":") else { return false }
        let port = host[host.index(after: colon)...]
        guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), UInt16(port) != nil else {
            return false
        }
        return hosts.contains(String(host[..<colon]))
    }
}
