import Gateway
import HTTPServer
import Testing

@Suite struct SourceAddressTests {
    private func request(from peer: String, _ forwarded: [String] = []) -> HTTPRequest {
        HTTPRequest(
            method: "GET",
            target: "/",
            headers: HTTPHeaders(forwarded.map { ("X-Forwarded-For", $0) }),
            peer: .init(address: peer, port: 1),
        )
    }

    @Test func `nobody but a trusted proxy can say where a request comes from`() {
        #expect(SourceAddress().of(request(from: "192.0.2.1", ["10.0.0.1"])) == "192.0.2.1")
        let sources = SourceAddress(trustedProxies: ["127.0.0.1", "127.0.0.2"])
        #expect(sources.of(request(from: "192.0.2.1", ["10.0.0.1"])) == "192.0.2.1")
        #expect(sources.of(request(from: "127.0.0.1", ["10.0.0.1"])) == "10.0.0.1")
    }

    @Test func `the nearest address that no trusted proxy has counts, not what a client put first`() {
        let sources = SourceAddress(trustedProxies: ["127.0.0.1", "127.0.0.2"])
        #expect(sources.of(request(from: "127.0.0.1", ["6.6.6.6, 192.0.2.7 ,127.0.0.2"])) == "192.0.2.7")
        #expect(sources.of(request(from: "127.0.0.1", ["6.6.6.6", "192.0.2.8"])) == "192.0.2.8")
        #expect(sources.of(request(from: "127.0.0.1", ["127.0.0.2"])) == "127.0.0.1")
        #expect(sources.of(request(from: "127.0.0.1")) == "127.0.0.1")
        #expect(sources.of(request(from: "127.0.0.1", [String(repeating: "x", count: 500)])).utf8.count == 64)
    }
}
