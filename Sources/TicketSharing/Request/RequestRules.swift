/// What `X-Ticket-Sharing-Version` may say.
package enum ProtocolVersion {
    /// The header that carries it.
    package static let headerName = "X-Ticket-Sharing-Version"

    /// The only version there is.
    package static let current = "1"

    /// Passes an absent or empty header (the gem sends none) and `1`; refuses any other version with 412.
    package static func check(header: String?) throws(ProtocolFault) {
        let value = (header ?? "").trimmingBlanks
        guard value.isEmpty || value == current else {
            throw ProtocolFault(.preconditionFailed, .unsupportedVersion, "\(headerName) must be \(current)")
        }
    }
}

/// What `Content-Type` may say of a body.
package enum ContentType {
    private static let accepted: Set<String> = [
        "application/json", "text/json", "text/x-json", "application/x-json", "text/javascript",
    ]

    /// Passes the JSON types that clients use, with any parameter but a charset other than UTF-8 or its subset ASCII.
    ///
    /// A missing type is taken as JSON, as RT does; so is `application/…+json`. A form's or a file's type is refused
    /// with 422, even where the body would parse: whoever sends it means something else.
    package static func check(header: String?) throws(ProtocolFault) {
        guard let header, header != "application/json" else { return }
        let parts = header.split(separator: ";", omittingEmptySubsequences: false).map {
            String(String($0).trimmingBlanks).lowercased()
        }
        guard let type = parts.first, !type.isEmpty else { return }
        guard accepted.contains(type) || (type.hasPrefix("application/") && type.hasSuffix("+json")) else {
            throw ProtocolFault(.unprocessable, .unsupportedContentType, "Content-Type must be JSON")
        }
        for parameter in parts.dropFirst() where parameter.hasPrefix("charset=") {
            let charset = parameter.dropFirst("charset=".count).filter { $0 != "\"" }
            guard ["utf-8", "utf8", "us-ascii"].contains(charset) else {
                throw ProtocolFault(
                    .unprocessable,
                    .unsupportedContentType,
                    "the charset of Content-Type must be UTF-8"
                )
            }
        }
    }
}
