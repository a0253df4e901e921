package import Ledger
package import Sharing
import TicketSharing

/// A request in as few words as a test wants.
package struct TestRequest: Sendable {
    /// From a partner, or to one.
    package var direction: Direction

    /// Such as `PUT`.
    package var method: String

    /// Path and query below the base URL, such as `/tickets/t1`.
    package var path: String

    /// `<agreement>:<key>`; `nil` sends none.
    package var token: String?

    /// Further header fields.
    package var fields: [(name: String, value: String)] = []

    /// The body.
    package var body: [UInt8]

    /// The partner in the path of a request of the desk's.
    package var partner: String?

    /// Where it comes from.
    package var source = "192.0.2.1"

    /// Whether the body is only the beginning of one.
    package var isBodyCut = false

    /// A request of a partner.
    package static func inbound(
        _ method: String,
        _ path: String,
        token: String? = nil,
        _ body: String = "",
    ) -> TestRequest {
        TestRequest(direction: .inbound, method: method, path: path, token: token, body: Array(body.utf8))
    }

    /// A request of our own desk.
    package static func outbound(
        _ method: String,
        _ path: String,
        to partner: String,
        token: String? = nil,
        _ body: String = "",
    ) -> TestRequest {
        TestRequest(
            direction: .outbound,
            method: method,
            path: path,
            token: token,
            body: Array(body.utf8),
            partner: partner,
        )
    }

    /// The same with another header field.
    package func with(_ name: String, _ value: String) -> TestRequest {
        var request = self
        request.fields.append((name, value))
        return request
    }

    /// The request as a listener hands it on.
    package var incoming: IncomingRequest {
        let base = partner.map { "/to/\($0)" } ?? "/sharing"
        var all = fields
        if let token { all.append((Token.headerName, token)) }
        return IncomingRequest(
            direction: direction,
            method: method,
            target: base + path,
            version: "HTTP/1.1",
            fields: all.map { (Array($0.name.utf8)[...], Array($0.value.utf8)[...]) },
            body: body,
            isBodyCut: isBodyCut,
            route: route,
            partner: partner,
            source: source,
        )
    }

    private var route: IncomingRequest.Route? {
        let pathOnly = path.prefix { $0 != "?" }
        let parts = pathOnly.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, let resource = Resource(rawValue: String(parts[1])) else {
            return nil
        }
        return IncomingRequest.Route(resource: resource, identifier: String(parts[2]))
    }
}
