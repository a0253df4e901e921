import HTTPClient
import TestPeers
import Testing

@Suite struct TLSTests {
    private let certificates: Certificates

    init() throws {
        certificates = try Certificates()
    }

    private func makeTrustingClient() throws -> HTTPClient {
        let trust = try TrustStore(addingFile: certificates.authority)
        return try makeClient { $0.trust = trust }
    }

    @Test func `a certificate of an added authority is accepted and its digest told, also on an open connection`()
        async throws
    {
        let identity = try certificates.identity(host: partnerHost)
        let server = try TLSServer(identity)
        let client = try makeTrustingClient()
        let request = try makeRequest(.get, scheme: "https", port: server.port)
        for round in 0..<2 {
            let answer = try await client.perform(request).answer()
            #expect(answer.status == 200)
            #expect(answer.tls?.version == .tls13)
            #expect(try answer.tls?.certificateDigest == certificates.digest(of: identity))
            #expect((answer.durations.handshake > .zero) == (round == 0))
        }
        await client.stop()
    }

    @Test func `TLS 1.2 is accepted and TLS 1.1 is not`() async throws {
        let identity = try certificates.identity(host: partnerHost)
        let client = try makeTrustingClient()
        let server = try TLSServer(identity, arguments: ["-tls1_2"])
        let answer = try await client.perform(makeRequest(.get, scheme: "https", port: server.port)).answer()
        #expect(answer.tls?.version == .tls12)
        let old = try TLSServer(identity, arguments: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        let failure = try await client.perform(makeRequest(.get, scheme: "https", port: old.port)).failure()
        #expect(failure.kind == .tls(.handshake))
        #expect(!failure.requestMayHaveArrived)
        await client.stop()
    }

    @Test func `a self-signed certificate is refused until it is added`() async throws {
        let identity = try certificates.selfSigned(host: partnerHost)
        let server = try TLSServer(identity)
        let client = try makeTrustingClient()
        var request = try makeRequest(.get, scheme: "https", port: server.port)
        let failure = try await client.perform(request).failure()
        #expect(failure.kind == .tls(.untrusted))
        #expect(!failure.requestMayHaveArrived)
        #expect(!failure.detail.isEmpty)
        request.trust = try TrustStore(addingFile: identity.certificate)
        #expect(try await client.perform(request).answer().status == 200)
        // The connection that is open now was made under another trust.
        request.trust = nil
        request.limits.total = .seconds(2)
        let second = try await client.perform(request).failure()
        #expect(!second.requestMayHaveArrived)
        await client.stop()
    }

    @Test func `an unknown authority, an expired certificate and one for another name are told apart`() async throws {
        let client = try makeTrustingClient()
        let unknown = try Certificates()
        let cases: [(Certificates.Identity, HTTPFailure.TLSProblem)] = [
            (try unknown.identity(host: partnerHost), .untrusted),
            (try certificates.identity(host: partnerHost, days: -1), .expired),
            (try certificates.identity(host: "other.test"), .wrongName),
        ]
        for (identity, problem) in cases {
            let server = try TLSServer(identity)
            let failure = try await client.perform(makeRequest(scheme: "https", port: server.port)).failure()
            #expect(failure.kind == .tls(problem))
            #expect(!failure.requestMayHaveArrived)
        }
        await client.stop()
    }

    @Test func `the system's authorities stay trusted beside added ones`() async throws {
        // What the system trusts cannot be made to vouch for a test's server: the store is asked instead.
        let alone = try TrustStore()
        let both = try TrustStore(addingFile: certificates.authority)
        #expect(alone.authorityCount > 10)
        #expect(both.authorityCount == alone.authorityCount + 1)
    }

    @Test func `a server that speaks no TLS, or ends in the handshake, got no request`() async throws {
        let plain = try RawServer { connection in
            _ = try connection.read(upTo: 1)
            try connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
        }
        let closing = try RawServer { connection in _ = try connection.read(upTo: 1) }
        let silent = try RawServer { connection in try connection.waitForClose() }
        let client = try makeTrustingClient()
        for port in [plain.port, closing.port] {
            let failure = try await client.perform(makeRequest(scheme: "https", port: port)).failure()
            #expect(failure.kind == .tls(.handshake))
            #expect(!failure.requestMayHaveArrived)
        }
        let request = try makeRequest(scheme: "https", port: silent.port) { $0.connect = .milliseconds(200) }
        let failure = try await client.perform(request).failure()
        #expect(failure.kind == .timedOut(.handshake))
        #expect(!failure.requestMayHaveArrived)
        await client.stop()
    }

    @Test func `files without certificates, or with damaged ones, are not taken`() throws {
        #expect(throws: TrustStore.LoadError.self) { try TrustStore(addingFile: "/nonexistent") }
        #expect(throws: TrustStore.LoadError.self) { try TrustStore(adding: []) }
        #expect(throws: TrustStore.LoadError.self) { try TrustStore(adding: Array("no certificate".utf8)) }
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        #expect(throws: TrustStore.LoadError.self) { try TrustStore(adding: Array(damaged.utf8)) }
    }
}
