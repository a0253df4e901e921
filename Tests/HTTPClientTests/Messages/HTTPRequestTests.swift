import HTTPClient
import Testing

@Suite struct HTTPRequestTests {
    private func request(
        _ method: HTTPRequest.Method,
        _ headers: [HTTPHeader],
        body: String = "",
        url: String = "http://a:81/x?y",
    ) throws -> HTTPRequest {
        try HTTPRequest(method, HTTPURL(url), headers: headers, body: Array(body.utf8), target: loopback(port: 81))
    }

    private let host = HTTPHeader("Host", "a:81")

    @Test func `the head is what is sent`() throws {
        let request = try request(.get, [host, HTTPHeader("A", "b"), HTTPHeader("C", "")])
        let head = String(decoding: request.head, as: UTF8.self)
        #expect(head == "GET /x?y HTTP/1.1\r\nHost: a:81\r\nA: b\r\nC:\r\n\r\n")
    }

    @Test func `Host and Content-Length are added where asked for`() throws {
        let url = try HTTPURL("http://a:81/")
        let names = try HTTPRequest.Method.allCases.map { method in
            try HTTPRequest(method, url, adding: [HTTPHeader("A", "b")], target: loopback(port: 81)).headers.map(\.name)
        }
        #expect(names[0] == ["Host", "A"])
        #expect(names[2] == ["Host", "A", "Content-Length"])
        #expect(names[5] == ["Host", "A"])
    }

    @Test func `Host is demanded first and once`() {
        for headers in [
            [], [HTTPHeader("A", "b"), host], [host, HTTPHeader("host", "b")], [HTTPHeader("host", "a")],
            [HTTPHeader("Host", "")],
        ] {
            #expect(throws: HTTPRequest.Invalid.hostNotFirst) { try request(.get, headers) }
        }
    }

    @Test(arguments: [
        HTTPHeader("", "x"), HTTPHeader("a b", "x"), HTTPHeader("a:", "x"), HTTPHeader("ä", "x"),
        HTTPHeader("a\r\nb", "x"),
        HTTPHeader("a", "x\r\nb: c"), HTTPHeader("a", "x\0"), HTTPHeader("a", " x"), HTTPHeader("a", "x\t"),
        HTTPHeader("a", "\u{7F}"), HTTPHeader("a;", "x"),
    ])
    func `a header that would not be one line is refused`(header: HTTPHeader) {
        #expect(throws: HTTPRequest.Invalid.malformedHeader(name: header.name)) { try request(.get, [host, header]) }
    }

    @Test(arguments: ["Transfer-Encoding", "transfer-encoding", "TE", "Expect", "Upgrade", "Trailer"])
    func `a header that changes the framing is refused`(name: String) {
        #expect(throws: HTTPRequest.Invalid.forbiddenHeader(name: name)) {
            try request(.get, [host, HTTPHeader(name, "x")])
        }
    }

    @Test func `Content-Length must be the body's`() throws {
        for headers in [[], ["1"], ["3", "3"], ["03"], ["x"]] {
            let all = [host] + headers.map { HTTPHeader("content-length", $0) }
            #expect(throws: HTTPRequest.Invalid.contentLength) { try request(.post, all, body: "abc") }
        }
        #expect(throws: HTTPRequest.Invalid.contentLength) { try request(.put, [host]) }
        #expect(throws: HTTPRequest.Invalid.unexpectedBody) { try request(.get, [host], body: "x") }
        _ = try request(.delete, [host])
        _ = try request(.delete, [host, HTTPHeader("Content-Length", "3")], body: "abc")
    }

    @Test func `addresses vetted for something else are refused`() throws {
        #expect(throws: HTTPRequest.Invalid.otherPort) { try request(.get, [host], url: "http://a/") }
        #expect(throws: HTTPRequest.Invalid.otherAddress) { try request(.get, [host], url: "http://127.0.0.2:81/") }
        _ = try request(.get, [host], url: "http://127.0.0.1:81/")
    }
}
