import HTTPClient
import Testing

extension Tag {
    /// Tests of what happens between threads; also run under the thread sanitizer.
    @Tag static var concurrency: Self
}

/// A name that the tests' resolvers know.
let partnerHost = "partner.test"

/// Loopback, allowed.
func loopback(port: UInt16) throws -> VettedAddresses {
    let address = try #require(IPAddress("127.0.0.1"))
    guard case .allowed(let vetted) = AddressPolicy.allowPrivate.vet([address], port: port) else {
        throw Unexpected("loopback is refused")
    }
    return vetted
}

/// A small POST to a server on loopback under the partner's name.
func makeRequest(
    _ method: HTTPRequest.Method = .post,
    scheme: String = "http",
    host: String = partnerHost,
    port: UInt16,
    path: String = "/tickets/1",
    headers: [HTTPHeader] = [],
    body: String? = nil,
    limits: (inout HTTPLimits) -> Void = { _ in },
) throws -> HTTPRequest {
    let url = try HTTPURL("\(scheme)://\(host):\(port)\(path)")
    let body = body ?? (method == .post || method == .put ? "{}" : "")
    var request = try HTTPRequest(
        method,
        url,
        adding: headers,
        body: Array(body.utf8),
        target: loopback(port: port),
    )
    request.limits.total = .seconds(15)
    limits(&request.limits)
    return request
}

/// A client whose connections stay open however slowly the tests run.
func makeClient(_ change: (inout HTTPClient.Configuration) -> Void = { _ in }) throws -> HTTPClient {
    var configuration = HTTPClient.Configuration(trust: try TrustStore())
    configuration.idleConnectionAge = .seconds(600)
    change(&configuration)
    return try HTTPClient(configuration)
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension HTTPOutcome {
    /// The answer, or the failure thrown.
    func answer() throws -> HTTPAnswer {
        switch self {
        case .answered(let answer): return answer
        case .failed(let failure): throw failure
        }
    }

    /// The failure; it is an error if there is none.
    func failure() throws -> HTTPFailure {
        switch self {
        case .answered(let answer): throw Unexpected("answered \(answer.status)")
        case .failed(let failure): return failure
        }
    }
}
