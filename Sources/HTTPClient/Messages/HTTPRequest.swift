/// One request exactly as it will stand on the wire, and the addresses it may go to.
package struct HTTPRequest: Sendable {
    /// Methods that are sent; which of them the target understands is its affair.
    package enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// Stands first in the request line.
    package let method: Method
    /// Its path and query are sent byte for byte.
    package let url: HTTPURL

    /// All headers in their order, `Host` first; libcurl adds none.
    package let headers: [HTTPHeader]
    /// Sent as it is; empty for none.
    package let body: [UInt8]

    /// Where to connect: the first that can be reached before anything is sent.
    package let target: VettedAddresses

    /// Time limits and answer limits.
    package var limits = HTTPLimits()

    /// Which certificate authorities vouch for the target; the client's own when nil.
    package var trust: TrustStore?

    /// Whether the request may go over a connection that an earlier one left open.
    ///
    /// A connection that dies at that moment leaves it unknown whether the request arrived; a new one costs a
    /// handshake.
    package var reusesConnection = true

    /// Takes the headers as they are to be sent, `Host` first.
    ///
    /// - Throws: ``Invalid`` where the bytes on the wire would not be what was given, or not one request.
    package init(
        _ method: Method,
        _ url: HTTPURL,
        headers: [HTTPHeader],
        body: [UInt8] = [],
        target: VettedAddresses,
    ) throws(Invalid) {
        try Self.check(method, headers: headers, body: body)
        guard target.port == url.port else { throw .otherPort }
        if let literal = url.literalAddress, target.addresses != [literal] {
            throw .otherAddress
        }
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.target = target
    }

    /// Takes the headers without `Host` and `Content-Length`, and puts these first and last.
    package init(
        _ method: Method,
        _ url: HTTPURL,
        adding headers: [HTTPHeader],
        body: [UInt8] = [],
        target: VettedAddresses,
    ) throws(Invalid) {
        var all = [HTTPHeader("Host", url.authority)] + headers
        if !body.isEmpty || method.hasBody {
            all.append(HTTPHeader("Content-Length", String(body.count)))
        }
        try self.init(method, url, headers: all, body: body, target: target)
    }

    /// The request line and the headers as they are sent, down to the empty line.
    package var head: [UInt8] {
        var head = Array("\(method.rawValue) \(url.requestTarget) HTTP/1.1\r\n".utf8)
        for header in headers {
            head += header.name.utf8
            head += header.value.isEmpty ? ":".utf8 : ": ".utf8
            head += header.value
            head += "\r\n".utf8
        }
        return head + "\r\n".utf8
    }
}

// MARK: - Checks

extension HTTPRequest {
    /// Why a request cannot be sent as given.
    package enum Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        case hostNotFirst
        case malformedHeader(name: String)
        case forbiddenHeader(name: String)
        case contentLength
        case unexpectedBody
        case otherPort
        case otherAddress

        /// Names a header at most, never its value.
        package var description: String {
            switch self {
            case .hostNotFirst: "the first header, and only that, must be Host"
            case .malformedHeader(let name): "the header \(name.debugDescription) has a malformed name or value"
            case .forbiddenHeader(let name): "the header \(name) would change how the request is sent"
            case .contentLength: "Content-Length must be given once and be the body's length"
            case .unexpectedBody: "a GET or HEAD request has no body"
            case .otherPort: "the addresses were vetted for another port than the URL's"
            case .otherAddress: "the addresses are not the one that the URL names"
            }
        }
    }

    /// Headers by which a request would be framed, routed or answered otherwise than given here.
    private static let forbiddenHeaders = [
        "Transfer-Encoding", "TE", "Trailer", "Expect", "Upgrade", "Proxy-Authorization", "Proxy-Connection",
    ]

    private static func check(_ method: Method, headers: [HTTPHeader], body: [UInt8]) throws(Invalid) {
        // libcurl writes a Host header of its own spelling at the top, whatever was given.
        guard headers.first?.name == "Host", headers.first?.value.isEmpty == false,
            !headers.dropFirst().contains(where: { $0.isNamed("Host") })
        else { throw .hostNotFirst }
        for header in headers {
            let isToken = !header.name.isEmpty && header.name.utf8.allSatisfy(HTTPHeader.isTokenByte)
            guard isToken, header.isSendable else {
                throw .malformedHeader(name: header.name)
            }
            if forbiddenHeaders.contains(where: header.isNamed) {
                throw .forbiddenHeader(name: header.name)
            }
        }
        let lengths = headers.filter { $0.isNamed("Content-Length") }
        if method == .get || method == .head {
            guard body.isEmpty, lengths.isEmpty else { throw .unexpectedBody }
        } else if !body.isEmpty || method.hasBody || !lengths.isEmpty {
            guard lengths.count == 1, lengths[0].value == Array(String(body.count).utf8) else { throw .contentLength }
        }
    }
}

extension HTTPRequest.Method {
    /// Whether a request by this method says how long its body is, also when it is empty.
    var hasBody: Bool { self == .post || self == .put || self == .patch }
}
