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
    }

    @Test(arguments: [
        ("192.0.2.7:4711", "192.0.2.7"), ("[2001:db8::7]:4711", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7"), ("\t2001:db8::7", "2001:db8::7"), ("127.0.0.2:80", "127.0.0.1"),
        ("unknown", "127.0.0.1"), ("", "127.0.0.1"), ("192.0.2.7:80:90", "127.0.0.1"), ("192.0.2.256", "127.0.0.1"),
        ("_hidden", "127.0.0.1"), (String(repeating: "x", count: 500), "127.0.0.1"),
    ])
    func `what a proxy writes around an address does not count, and what is no address counts as the proxy's`(
        element: String,
        source: String,
    ) {
        let sources = SourceAddress(trustedProxies: ["127.0.0.1", "127.0.0.2"])
        #expect(sources.of(request(from: "127.0.0.1", [element])) == source)
    }
}
