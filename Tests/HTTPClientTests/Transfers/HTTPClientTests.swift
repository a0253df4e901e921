import HTTPClient
import TestPeers
import Testing

@Suite struct HTTPClientTests {
    @Test func `what is on the wire is exactly the request's head and body`() async throws {
        let server = try RawServer { connection in
            while try connection.readRequest() != nil {
                try connection.write("HTTP/1.1 201 Created\r\nX-One: 1\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let client = try makeClient()
        let headers = [
            HTTPHeader("X-Ticket-Sharing-Token", "a:b"), HTTPHeader("x-empty", ""), HTTPHeader("X-Twice", "1"),
            HTTPHeader(name: "X-Bytes", value: [0x61, 0xFF, 0x09, 0x62]), HTTPHeader("X-Twice", "2"),
        ]
        var sent: [[UInt8]] = []
        for (method, path) in [
            (HTTPRequest.Method.post, "/a/../b//c?x=%2F&y"), (.put, ""), (.get, "/?"), (.delete, "/./x"),
            (.patch, "/p"),
        ] {
            let body = method == .get || method == .delete ? "" : #"{"ü":1}"#
            let request = try makeRequest(method, port: server.port, path: path, headers: headers, body: body)
            sent.append(request.head + request.body)
            let answer = try await client.perform(request).answer()
            #expect(answer.status == 201)
            #expect(answer.body == Array("ok".utf8))
        }
        #expect(server.requests == sent)
        #expect(server.connectionCount == 1)
        await client.stop()
    }

    @Test func `an empty POST, a large PUT and a HEAD are sent as described`() async throws {
        let server = try RawServer { connection in
            while let request = try connection.readRequest() {
                let isHead = request.starts(with: "HEAD".utf8)
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (isHead ? "" : "ok"))
            }
        }
        let client = try makeClient()
        let large = String(repeating: "x", count: 3 << 20)
        let requests = [
            try makeRequest(.post, port: server.port, body: ""), try makeRequest(.put, port: server.port, body: large),
            try makeRequest(.head, port: server.port), try makeRequest(.get, port: server.port),
        ]
        for request in requests {
            let answer = try await client.perform(request).answer()
            #expect(answer.bodyByteCount == (request.method == .head ? 0 : 2))
        }
        #expect(server.requests == requests.map { $0.head + $0.body })
        await client.stop()
    }

    @Test func `an answer is reported as it came, with where it came from and how long it took`() async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.write("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n")
            try connection.write("HTTP/1.1 422 \u{e9}\r\nb: 1\r\nA:  2 \r\nb: 3\r\n\r\nrest")
        }
        let client = try makeClient()
        let answer = try await client.perform(makeRequest(port: server.port)).answer()
        #expect(answer.status == 422)
        #expect(answer.headers == [HTTPHeader("b", "1"), HTTPHeader("A", "2"), HTTPHeader("b", "3")])
        #expect(String(decoding: answer.head, as: UTF8.self).hasPrefix("HTTP/1.1 422 \u{e9}\r\nb: 1\r\nA:  2 \r\n"))
        #expect(answer.body == Array("rest".utf8))
        #expect(!answer.isBodyTruncated)
        #expect(answer.peer == Endpoint(address: try #require(IPAddress("127.0.0.1")), port: server.port))
        #expect(answer.tls == nil)
        #expect(answer.durations.connect > .zero)
        #expect(answer.durations.handshake == .zero)
        #expect(answer.durations.total >= answer.durations.connect + answer.durations.firstByte)
        await client.stop()
    }

    @Test func `a content coding is left as it came`() async throws {
        let bytes: [UInt8] = [0x1F, 0x8B, 0x08, 0x00]
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n")
            try connection.write(bytes)
        }
        let client = try makeClient()
        let answer = try await client.perform(makeRequest(port: server.port)).answer()
        #expect(answer.body == bytes)
        await client.stop()
    }

    @Test func `the next address is tried when one refuses the connection`() async throws {
        let server = try RawServer { connection in
            while try connection.readRequest() != nil {
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = try makeClient()
        // Nobody listens on 127.0.0.2 at this port: the server is bound to 127.0.0.1.
        let addresses = try ["127.0.0.2", "127.0.0.1"].map { try #require(IPAddress($0)) }
        guard case .allowed(let target) = AddressPolicy.allowPrivate.vet(addresses, port: server.port) else {
            throw Unexpected("loopback is refused")
        }
        let url = try HTTPURL("http://\(partnerHost):\(server.port)/")
        let answer = try await client.perform(HTTPRequest(.post, url, adding: [], target: target)).answer()
        #expect(answer.peer.address.description == "127.0.0.1")
        #expect(server.requests.count == 1)
        await client.stop()
    }

    @Test func `a refused connection is explained with the system's word for it`() async throws {
        let server = try RawServer { _ in }
        let client = try makeClient()
        // As above.
        let address = try #require(IPAddress("127.0.0.2"))
        guard case .allowed(let target) = AddressPolicy.allowPrivate.vet([address], port: server.port) else {
            throw Unexpected("loopback is refused")
        }
        let url = try HTTPURL("http://\(partnerHost):\(server.port)/")
        let failure = try await client.perform(HTTPRequest(.post, url, adding: [], target: target)).failure()
        #expect(failure.kind == .connect)
        #expect(failure.detail == "Connection refused")
        #expect(!failure.requestMayHaveArrived)
        await client.stop()
    }

    @Test func `the next address is tried when one swallows the connection`() async throws {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let swallower = try Swallower(address: 0x7F00_0002, port: server.port)
        let client = try makeClient()
        let addresses = try ["127.0.0.2", "127.0.0.1"].map { try #require(IPAddress($0)) }
        guard case .allowed(let target) = AddressPolicy.allowPrivate.vet(addresses, port: server.port),
            case .allowed(let swallowed) = AddressPolicy.allowPrivate.vet([addresses[0]], port: server.port)
        else { throw Unexpected("loopback is refused") }
        let url = try HTTPURL("http://\(partnerHost):\(server.port)/")
        var request = try HTTPRequest(.post, url, adding: [], target: target)
        request.limits.connect = .milliseconds(400)
        let answer = try await client.perform(request).answer()
        #expect(answer.peer.address.description == "127.0.0.1")
        #expect(answer.durations.connect >= .milliseconds(190))
        request = try HTTPRequest(.post, url, adding: [], target: swallowed)
        request.limits.connect = .milliseconds(200)
        let failure = try await client.perform(request).failure()
        #expect(failure.kind == .timedOut(.connect))
        #expect(!failure.requestMayHaveArrived)
        #expect(failure.durations.total < .seconds(5))
        swallower.end()
        await client.stop()
    }

    @Test func `a connection is shared only by requests to the same host, port and address`() async throws {
        let server = try RawServer { connection in
            while try connection.readRequest() != nil {
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let client = try makeClient()
        for host in ["one.test", "two.test", "one.test", "127.0.0.1"] {
            _ = try await client.perform(makeRequest(host: host, port: server.port)).answer()
        }
        #expect(server.connectionCount == 3)
        var request = try makeRequest(host: "one.test", port: server.port)
        request.reusesConnection = false
        _ = try await client.perform(request).answer()
        #expect(server.connectionCount == 4)
        await client.stop()
    }

    @Test func `a refused connection certainly carried nothing`() async throws {
        let port = try RawServer { _ in }.port
        let client = try makeClient()
        let failure = try await client.perform(makeRequest(port: port)).failure()
        #expect(failure.kind == .connect)
        #expect(!failure.requestMayHaveArrived)
        await client.stop()
    }
}
