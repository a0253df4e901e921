import Foundation
import HTTPClient
import Ledger
import LedgerStore
import TicketSharing

/// A request of the protocol as it is to stand on the wire, before anybody knows where its host is.
struct OutgoingRequest: Sendable {
    let method: HTTPRequest.Method
    let url: HTTPURL

    /// All headers, `Host` first.
    let headers: [HTTPHeader]

    let body: [UInt8]

    /// Where ``body`` is not what the message's event holds: as it is stored with the attempt.
    let recordedBody: RecordedBody?

    /// Credentials that are in the request, to be cut out of what comes back.
    let secrets: [[UInt8]]

    /// Puts the headers of the protocol, ours and HTTP's in order.
    init(
        _ method: RequestMethod,
        _ url: HTTPURL,
        protocolHeaders: [HeaderField],
        ownHeaders: [HTTPHeader],
        body: [UInt8],
        recordedBody: RecordedBody?,
        secrets: [[UInt8]],
    ) {
        self.method =
            switch method {
            case .get: .get
            case .post: .post
            case .put: .put
            case .delete: .delete
            }
        self.url = url
        var headers = [HTTPHeader("Host", url.authority)]
        headers += protocolHeaders.map { HTTPHeader($0.name, $0.value) }
        headers += ownHeaders
        if method.hasBody || !body.isEmpty { headers.append(HTTPHeader("Content-Length", String(body.count))) }
        self.headers = headers
        self.body = body
        self.recordedBody = recordedBody
        self.secrets = secrets
    }

    /// The request to vetted addresses.
    func httpRequest(to target: VettedAddresses, limits: HTTPLimits) throws(HTTPRequest.Invalid) -> HTTPRequest {
        var request = try HTTPRequest(method, url, headers: headers, body: body, target: target)
        request.limits = limits
        return request
    }

    /// The first line as it is sent, without its end.
    var requestLine: [UInt8] {
        Array("\(method.rawValue) \(url.requestTarget) HTTP/1.1".utf8)
    }

    /// The headers as they are stored: of the token only the agreement is left.
    var recordedHeaders: [UInt8] {
        var block = HeaderBlock()
        for header in headers {
            guard header.isNamed(Token.headerName) else {
                block.append(name: Array(header.name.utf8)[...], value: header.value[...])
                continue
            }
            let agreement = header.value.prefix { $0 != UInt8(ascii: ":") }
            block.append(
                name: Array(header.name.utf8)[...],
                value: (agreement + [UInt8(ascii: ":")] + Splice.placeholder)[...],
            )
        }
        return CredentialCutter.cut(block.bytes, secrets: secrets).stored
    }
}

/// A body that goes into the ledger with the attempt, its credentials cut out.
struct RecordedBody: Sendable {
    let bytes: [UInt8]
    let chunks: ChunkBoundaries
    let splices: SealedSplices?
}

/// Why a delivery cannot be sent at all.
enum Unsendable: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is stored of the message does not make a request; only an operator can help.
    case forGood(String)
    /// Something of ours is missing that may come back, such as the right key file.
    case forNow(String)

    static let otherKeyFile = Self.forNow(
        "a credential cannot be decrypted: the key file is not the one it was stored with"
    )

    /// Bytes that are not those that were recorded are never sent.
    init(_ damage: PartFault) {
        self = .forGood("nothing altered is sent: \(damage)")
    }

    var description: String {
        switch self {
        case .forGood(let reason), .forNow(let reason): reason
        }
    }
}
