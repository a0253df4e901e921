import HTTPServer
import Testing

@Suite struct HTTPHeadersTests {
    private let headers = HTTPHeaders([
        (name: "Host", value: "x"),
        (name: "X-Ticket-Sharing-Token", value: "a:b"),
        (name: "accept", value: "1"),
        (name: "ACCEPT", value: "é"),
        (name: "Empty", value: ""),
    ])

    @Test func `names are found in any case, values are kept`() {
        #expect(headers.first("x-ticket-sharing-token") == "a:b")
        #expect(headers.first("X-TICKET-SHARING-TOKEN") == "a:b")
        #expect(headers.all("Accept") == ["1", "é"])
        #expect(headers.first("Empty") == "")
        #expect(headers.first("hos") == nil)
        #expect(headers.first("hostt") == nil)
        #expect(headers.first("") == nil)
        #expect(headers.firstBytes("accept").map(Array.init) == [0x31])
    }

    @Test func `only letters have a case`() {
        let headers = HTTPHeaders([(name: "X^Y", value: "caret"), (name: "X~Y", value: "tilde")])
        #expect(headers.first("x~y") == "tilde")
        #expect(headers.first("x^y") == "caret")
        #expect(HTTPHeaders([(name: "@", value: "")]).first("`") == nil)
    }

    @Test func `iteration keeps order, case and repetitions`() {
        #expect(headers.map(\.name) == ["Host", "X-Ticket-Sharing-Token", "accept", "ACCEPT", "Empty"])
        #expect(headers.map(\.value) == ["x", "a:b", "1", "é", ""])
        #expect(headers[3].valueBytes.elementsEqual("é".utf8))
    }
}

@Suite struct HTTPResponseTests {
    @Test func `a field cannot break out of its line`() {
        #expect(HTTPResponse.Field("X-A", "a\r\nb\0c\td").value == "a  b c\td")
        for (name, value) in [("X", "a\nb"), ("X", "a\0"), ("X\n", "a"), ("", "a"), ("X Y", "a"), ("X:", "a")] {
            #expect(HTTPResponse.Field(name: name, value: value) == nil)
        }
        #expect(HTTPResponse.Field(name: "X-A", value: "ä b")?.value == "ä b")
    }

    @Test(arguments: ["Connection", "content-length", "TRANSFER-ENCODING", "Date", "Upgrade", "Keep-Alive"])
    func `a field that frames the message is the server's`(name: String) {
        #expect(HTTPResponse.Field(name: name, value: "1") == nil)
    }

    @Test(arguments: [
        ("/a?b", "/a", "b"), ("/a", "/a", nil), ("/?", "/", ""), ("*", "*", nil), ("/a?b?c", "/a", "b?c"),
    ])
    func `a target is its path and its query`(target: String, path: String, query: String?) {
        let request = HTTPRequest(method: "GET", target: target, peer: .init(address: "::1", port: 1))
        #expect(String(request.path) == path)
        #expect(request.query.map(String.init) == query)
        #expect("\(request.peer)" == "[::1]:1")
    }
}
