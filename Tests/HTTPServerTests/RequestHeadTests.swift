import HTTPServer
import TestPeers
import Testing

/// Heads and bodies that two readers could understand differently, over a socket.
@Suite(.timeLimit(.minutes(1))) struct RequestHeadTests {
    /// One shape: a request that must not be served, nor anything after it.
    struct Shape: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        /// The status of the answer, or nil if the connection is closed without one.
        let status: Int?

        init(_ name: String, _ text: String, _ status: Int? = 400) {
            self.init(name, Array(text.utf8), status)
        }

        init(_ name: String, _ bytes: [UInt8], _ status: Int? = 400) {
            self.name = name
            self.bytes = bytes
            self.status = status
        }

        var testDescription: String { name }

        static func head(_ name: String, _ fields: String, _ status: Int? = 400) -> Shape {
            Shape(name, "POST /first HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\nhello", status)
        }

        static func line(_ name: String, _ line: String, _ status: Int? = 400) -> Shape {
            Shape(name, "\(line)\r\nHost: x\r\n\r\n", status)
        }
    }

    static let lengths: [Shape] = [
        .head("length beside chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        .head("chunked beside length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        .head("two lengths", "Content-Length: 5\r\nContent-Length: 50"),
        .head("the same length twice", "Content-Length: 5\r\ncontent-length: 5"),
        .head("a list of lengths", "Content-Length: 5, 5"),
        .head("a length with a plus", "Content-Length: +5"),
        .head("a negative length", "Content-Length: -5"),
        .head("a length in hexadecimal", "Content-Length: 0x5"),
        .head("a length with a space inside", "Content-Length: 1 0"),
        .head("a length with a space after it", "Content-Length: 5 "),
        .head("an empty length", "Content-Length:"),
        .head("a length beyond 64 bits", "Content-Length: 99999999999999999999", 413),
        .head("a space before the colon", "Content-Length : 5"),
        .head("a tab before the colon", "Content-Length\t: 5"),
        .head("chunked with something before it", "Transfer-Encoding: gzip, chunked", 501),
        .head("chunked twice in a list", "Transfer-Encoding: chunked, chunked", 501),
        .head("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501),
        .head("almost chunked", "Transfer-Encoding: xchunked", 501),
        .head("chunked with a space after it", "Transfer-Encoding: chunked ", 501),
        .head("chunked with a control character", "Transfer-Encoding: \u{B}chunked"),
        .head("identity", "Transfer-Encoding: identity", 501),
        Shape("chunked in 1.0", "POST /first HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
    ]

    static let fields: [Shape] = [
        .head("a folded line", "X: a\r\n b"),
        .head("a folded line with a tab", "X: a\r\n\tb"),
        .head("a fold that makes another name", "Transfer-Enc: chunked\r\n oding"),
        .head("a fold that makes a length", "Content-Len: 5\r\n gth"),
        Shape("a fold before any field", "POST /first HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"),
        .head("a bare LF in a field", "X: a\nContent-Length: 5"),
        Shape("a bare LF after the request line", "POST /first HTTP/1.1\nHost: x\r\n\r\n"),
        Shape("a bare LF at the end", "POST /first HTTP/1.1\r\nHost: x\r\n\n"),
        Shape("bare LFs only", "POST /first HTTP/1.1\nHost: x\n\n"),
        .head("a bare CR", "X: a\rContent-Length: 5"),
        .head("a NUL in a value", "X: a\u{0}b"),
        .head("a NUL at the end of a value", "X: a\u{0}"),
        .head("a NUL before a value", "X: \u{0}a"),
        .head("a NUL in a name", "X\u{0}Y: a"),
        .head("a NUL hiding a length", "X: \u{0}\r\nContent-Length: 5"),
        .head("a control character in a value", "X: a\u{7}"),
        .head("DEL in a value", "X: a\u{7F}"),
        .head("an empty name", ": a"),
        .head("a name with a space", "X Y: a"),
        .head("a name beyond ASCII", "Ä: a"),
        .head("a line without a colon", "hello"),
        Shape("no Host", "GET /first HTTP/1.1\r\n\r\n"),
        .head("two Hosts", "Host: y"),
        Shape("two Hosts in 1.0", "GET /first HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n"),
    ]

    static let lines: [Shape] = [
        .line("an absolute form", "GET http://x/first HTTP/1.1"),
        .line("an authority form", "CONNECT x:80 HTTP/1.1"),
        .line("a target without a slash", "GET first HTTP/1.1"),
        .line("a star with more", "OPTIONS *x HTTP/1.1"),
        .line("two spaces before the target", "GET  /first HTTP/1.1"),
        .line("two spaces after the target", "GET /first  HTTP/1.1"),
        .line("a space in the target", "GET /fir st HTTP/1.1"),
        .line("a tab in the target", "GET /fir\tst HTTP/1.1"),
        .line("a tab for a space", "GET\t/first HTTP/1.1"),
        .line("a space after the version", "GET /first HTTP/1.1 "),
        .line("a space before the method", " GET /first HTTP/1.1", nil),
        .line("a NUL in the target", "GET /fi\u{0}rst HTTP/1.1"),
        .line("a NUL at the end of the target", "GET /first\u{0} HTTP/1.1"),
        .line("a NUL after the query's mark", "GET /first?\u{0} HTTP/1.1"),
        .line("a NUL in the method", "GE\u{0}T /first HTTP/1.1"),
        .line("a NUL after the version", "GET /first HTTP/1.1\u{0}"),
        .line("a target beyond ASCII", "GET /é HTTP/1.1"),
        Shape("a target that is not UTF-8", Array("GET /".utf8) + [0xFF] + Array(" HTTP/1.1\r\nHost: x\r\n\r\n".utf8)),
        .line("a method that is no token", "G@T /first HTTP/1.1"),
        .line("no version", "GET /first"),
        .line("an old version", "GET /first HTTP/0.9", 505),
        .line("a new version", "GET /first HTTP/2.0", 505),
        .line("a version in lower case", "GET /first http/1.1"),
        .line("a version with more", "GET /first HTTP/1.1x"),
        .line("a version with two digits", "GET /first HTTP/1.10"),
    ]

    @Test(arguments: lengths + fields + lines)
    func `an ambiguous request is refused, and nothing after it is served`(shape: Shape) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(shape.bytes + Array("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            let received = await client.receiveAll()
            #expect(server.seen.all.map(\.target) == [])
            #expect(!received.contains("HTTP/1.1 200"))
            if let status = shape.status {
                // With bytes unread the connection may be reset before the answer is read.
                #expect(received.hasPrefix("HTTP/1.1 \(status)") || received.isEmpty, "\(received)")
            } else {
                #expect(received.isEmpty, "\(received)")
            }
        }
    }

    @Test(arguments: [
        "zz\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello", "\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", ";a\r\nhello\r\n0\r\n\r\n",
    ])
    func `a malformed chunk never reaches the handler`(chunks: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
            _ = await client.receiveAll()
            #expect(server.seen.all.isEmpty)
        }
    }

    @Test(arguments: [
        "5\r\nhello\r\n0\r\n\r\n", "2;ext=\"a\"\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        "005\r\nhello\r\n00\r\n\r\n",
        "5\nhello\n0\n\n", "1\r\nh\r\n4;\nello\r\n0\r\nContent-Length: 40\r\n\r\n",
    ])
    func `a chunked body arrives whole, and its connection serves nothing else`(chunks: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n\(chunks)")
            let answer = try #require(await client.receive())
            await client.send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(answer.status == 200)
            #expect(answer.header("Connection") == "close")
            #expect(await client.receiveAll() == "")
            #expect(server.seen.all.map(\.target) == ["/first"])
            #expect(server.seen.all.map(\.body) == [Array("hello".utf8)])
        }
    }

    /// Both are overwritten with zeros by the library, which is all that is left to look at.
    @Test func `a NUL right before a bare LF reads like the CR that belongs there`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /x HTTP/1.1\r\nHost: x\r\nX: a\u{0}\nY: b\r\n\r\n")
            #expect(await client.receive()?.status == 200)
            #expect(server.seen.all.first?.headers.map(\.value) == ["x", "a", "b"])
        }
    }

    @Test func `what follows a length that is too short is a request of its own`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhello")
            #expect(await client.receive()?.body == "/first")
            await client.send(" /second HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.body == "/second")
            #expect(server.seen.all.map(\.method) == ["POST", "llo"])
        }
    }

    @Test func `empty lines before a request are passed over`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("\r\n\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.body == "/x")
        }
    }

    @Test func `a head that arrives byte by byte is read like any other`() async throws {
        try await withServer { server in
            let client = try server.client()
            for byte in "GET /slow?a=b&c HTTP/1.1\r\nHost: x\r\nX-Y:\t z\r\n\r\n".utf8 {
                await client.send([byte])
            }
            #expect(await client.receive()?.body == "/slow?a=b&c")
            #expect(server.seen.all.first?.headers.first("x-y") == "z")
        }
    }

    @Test func `many small fields are kept in order`() async throws {
        try await withServer { server in
            let client = try server.client()
            let fields = (0..<120).map { "N\($0): \($0)\r\n" }.joined()
            await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\(fields)\r\n")
            #expect(await client.receive()?.status == 200)
            #expect(server.seen.all.first?.headers.dropFirst().map(\.value) == (0..<120).map { "\($0)" })
        }
    }
}
