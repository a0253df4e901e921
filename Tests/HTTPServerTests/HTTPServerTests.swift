import HTTPServer
import Logging
import TestPeers
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPServerTests {
    @Test func `a request reaches the handler byte for byte`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(
                "PUT /a%2Fb/%C3%A9?q=%41&&x=+y?#z HTTP/1.1\r\nhOsT: x\r\nX-One:  first \r\nx-one:second\r\nEmpty:\r\n"
                    + "Content-Length: 5\r\n\r\n\u{0}\r\n\u{1}z"
            )
            let answer = try #require(await client.receive())
            #expect(answer.status == 200)
            let request = try #require(server.seen.all.first)
            #expect(request.method == "PUT")
            #expect(request.target == "/a%2Fb/%C3%A9?q=%41&&x=+y?#z")
            #expect(request.path == "/a%2Fb/%C3%A9")
            #expect(request.query == "q=%41&&x=+y?#z")
            #expect(request.version == .http11)
            #expect(request.body == Array("\u{0}\r\n\u{1}z".utf8))
            #expect(!request.bodyOverflow)
            #expect(request.peer.address == "127.0.0.1")
            #expect(request.headers.map(\.name) == ["hOsT", "X-One", "x-one", "Empty", "Content-Length"])
            #expect(request.headers.map(\.value) == ["x", "first ", "second", "", "5"])
            #expect(request.headers.first("X-ONE") == "first ")
            #expect(request.headers.all("x-One") == ["first ", "second"])
            #expect(request.headers.first("x-on") == nil)
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withServer { server in
            let client = try server.client()
            let requests = (0..<50).map { "POST /\($0) HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" }
            await client.send(requests.joined())
            for number in 0..<50 {
                #expect(await client.receive()?.body == "/\(number)")
            }
        }
    }

    @Test(arguments: ["GET", "DELETE", "OPTIONS", "PATCH", "FROB!", "lower"])
    func `a method reaches the handler with its body`(method: String) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("\(method) /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            #expect(await client.receive()?.body == "/x")
            #expect(server.seen.all.first?.method == method)
            #expect(server.seen.all.first?.body == Array("body".utf8))
        }
    }

    @Test func `HEAD is answered without a body`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("HEAD /head HTTP/1.1\r\nHost: x\r\n\r\nGET /get HTTP/1.1\r\nHost: x\r\n\r\n")
            let head = try #require(await client.receive(toHead: true))
            #expect(head.header("Content-Length") == "5")
            #expect(await client.receive()?.body == "/get")
        }
    }

    @Test func `OPTIONS of the server as a whole is a target of its own`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.body == "*")
        }
    }

    @Test func `HTTP 1_0 is answered and closed`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /old HTTP/1.0\r\n\r\n")
            #expect(await client.receiveAll().hasSuffix("\r\n\r\n/old"))
            #expect(server.seen.all.first?.version == .http10)
        }
    }

    @Test func `a client that expects 100-continue is told to go on`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(await client.receive()?.status == 100)
            await client.send("ok")
            #expect(await client.receive()?.status == 200)
            #expect(server.seen.all.first?.body == Array("ok".utf8))
        }
    }

    @Test func `headers and body of an answer arrive, and framing stays ours`() async throws {
        try await withServer(answering: { _ in
            var response = HTTPResponse(status: 422, headers: [.init("X-A", "b\r\nX-Evil: 1\u{0}")], body: [1, 2, 3])
            response.headers.append(.init("X-A", "c"))
            return response
        }) { server in
            let client = try server.client()
            await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try #require(await client.receive())
            #expect(answer.status == 422)
            #expect(answer.headers.filter { $0.hasPrefix("X-") } == ["X-A: b  X-Evil: 1 ", "X-A: c"])
            #expect(answer.header("Content-Length") == "3")
            #expect(answer.body == "\u{1}\u{2}\u{3}")
        }
    }

    @Test func `an answer whose fields do not fit becomes a bare 500, and is logged`() async throws {
        try await withServer(answering: { _ in
            HTTPResponse(status: 200, headers: [.init("X-Long", String(repeating: "x", count: 5000))])
        }) { server in
            let client = try server.client()
            await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.status == 500)
            #expect(server.log.lines.contains { $0.level == .error })
        }
    }

    @Test func `a large answer arrives whole`() async throws {
        let text = String(repeating: "0123456789abcdef", count: 512 * 1024)
        try await withServer(answering: { _ in
            HTTPResponse(status: 200, contentType: "text/plain", text: text)
        }) { server in
            let client = try server.client()
            await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.body == text)
        }
    }

    @Test func `it serves IPv6 as well`() async throws {
        let server = try TestServer(host: "::1")
        let client = try RawClient(port: server.port, host: "::1")
        await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await client.receive()?.status == 200)
        #expect(server.seen.all.first?.peer.address == "::1")
        await server.stop()
    }
}
