package import HTTPServer
import Ledger
import Sharing
package import TicketSharing

/// What partners can reach: the protocol below the base path of the public URL, and nothing else.
package struct PublicRoutes: Sendable {
    private let service: MessageService
    private let sources: SourceAddress
    private let basePath: String

    package init(service: MessageService, publicURL: BaseURL, sources: SourceAddress) {
        self.service = service
        self.sources = sources
        basePath = publicURL.path.hasSuffix("/") ? String(publicURL.path.dropLast()) : publicURL.path
    }

    /// Answers one request.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        await service.answer(
            IncomingRequest(
                request,
                direction: .inbound,
                route: ProtocolPath.route(request.path, below: basePath[...]),
                partner: nil,
                source: sources.of(request),
            ),
        )
    }
}

extension IncomingRequest {
    /// A request as the protocol sees it.
    init(_ request: HTTPRequest, direction: Direction, route: Route?, partner: String?, source: String) {
        self.init(
            direction: direction,
            method: request.method,
            target: request.target,
            version: request.version.rawValue,
            fields: request.headers.map { ($0.nameBytes, $0.valueBytes) },
            body: request.body,
            isBodyCut: request.bodyOverflow,
            route: route,
            partner: partner,
            source: source,
        )
    }
}
