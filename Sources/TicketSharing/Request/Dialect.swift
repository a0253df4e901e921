/// How a partner's software wants requests written.
package enum Dialect: String, Sendable, CaseIterable {
    /// What the article and the RFC describe: JSON, with the version header.
    case standard

    /// As the Ruby gem writes: no version header, every member that is not meant as `null`.
    case zendesk

    /// As Request Tracker demands: `text/x-json` and the version header on every request.
    case rt
}

extension Dialect {
    /// The protocol's headers of a request, in the order in which that software sends them.
    ///
    /// - Parameter token: `nil` only with an invitation to a partner that wants none.
    package func headers(for method: RequestMethod, token: Token?) -> [HeaderField] {
        let version = HeaderField(ProtocolVersion.headerName, ProtocolVersion.current)
        let credential = token.map { [HeaderField(Token.headerName, $0.headerValue)] } ?? []
        let accept = HeaderField("Accept", "application/json")
        let content = HeaderField("Content-Type", contentType)
        return switch self {
        case .standard: [accept] + (method.hasBody ? [content] : []) + credential + [version]
        case .zendesk: [accept, content] + credential
        case .rt: [content] + credential + [version]
        }
    }

    /// Whether an invitation carries its own token: RT demands it, the gem and the walkthrough send none.
    package var invitesWithToken: Bool {
        self == .rt
    }

    private var contentType: String {
        self == .rt ? "text/x-json; charset=\"UTF-8\"" : "application/json"
    }
}
