import HTTPServer
import TestPeers
import Testing

@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    // MARK: - Heads

    /// A request whose head has exactly so many bytes.
    private func request(headByteCount: Int) -> String {
        let line = "GET /x HTTP/1.1\r\nHost: x\r\nX: "
        return line + String(repeating: "a", count: headByteCount - line.utf8.count - 4) + "\r\n\r\n"
    }

    @Test func `a head of exactly the limit is served`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(request(headByteCount: 16 * 1024))
            #expect(await client.receive()?.status == 200)
            #expect(server.seen.all.first?.headers.first("x")?.utf8.count ?? 0 > 16_000)
        }
    }

    @Test(arguments: [16 * 1024 + 1, 20_000, 40_000, 200_000])
    func `a longer head is refused`(byteCount: Int) async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send(request(headByteCount: byteCount))
            let received = await client.receiveAll()
            #expect(received.hasPrefix("HTTP/1.1 431") || (received.isEmpty && byteCount > 32 * 1024), "\(received)")
            #expect(server.seen.all.isEmpty)
            #expect(server.server.counts.refused + server.server.refusedByLibrary == 1)
        }
    }

    @Test func `a long target is refused`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\nHost: x\r\n\r\n")
            let received = await client.receiveAll()
            #expect(received.hasPrefix("HTTP/1.1 414") || received.isEmpty)
            #expect(server.seen.all.isEmpty)
            #expect(server.server.refusedByLibrary == 1)
        }
    }

    @Test func `countless tiny fields and arguments are refused`() async throws {
        try await withServer { server in
            for head in [
                "GET /x HTTP/1.1\r\nHost: x\r\n" + String(repeating: "a:\r\n", count: 3000) + "\r\n",
                "GET /x?" + String(repeating: "a&", count: 3000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
            ] {
                let client = try server.client()
                await client.send(head)
                let received = await client.receiveAll()
                // With bytes unread the connection may be reset before the answer is read.
                #expect(received.hasPrefix("HTTP/1.1 431") || received.isEmpty)
            }
            #expect(server.seen.all.isEmpty)
        }
    }

    // MARK: - Bodies

    @Test(arguments: [true, false], [0, 1, 999, 1000, 1001, 5000, 20_000])
    func `a body beyond the limit reaches the handler as its beginning`(isChunked: Bool, byteCount: Int) async throws {
        try await withServer(limits: {
            $0.bodyByteLimit = 1000; $0.overflowPrefixByteCount = 100
        }) { server in
            let client = try server.client()
            let body = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) }
            if isChunked {
                await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                for start in stride(from: 0, to: byteCount, by: 300) {
                    let chunk = body[start..<min(start + 300, byteCount)]
                    await client.send(Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8))
                }
                await client.send("0\r\n\r\n")
            } else {
                await client.send(
                    Array("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: \(byteCount)\r\n\r\n".utf8) + body
                )
            }
            #expect(await client.receive()?.status == 200)
            let request = try #require(server.seen.all.first)
            #expect(request.bodyOverflow == (byteCount > 1000))
            #expect(request.body == Array(body.prefix(byteCount > 1000 ? 100 : 1000)))
            #expect(server.server.counts.bufferedBodyBytes == 0)
        }
    }

    @Test func `a body of two megabytes arrives whole`() async throws {
        try await withServer { server in
            let client = try server.client()
            var body = [UInt8](repeating: 0x61, count: 2 * 1024 * 1024)
            for mark in stride(from: 0, to: body.count, by: 1021) { body[mark] = UInt8(truncatingIfNeeded: mark) }
            await client.send(Array("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
            #expect(await client.receive()?.status == 200)
            #expect(server.seen.all.first?.body == body)
        }
    }

    @Test func `a declared length that nobody would read is answered at once`() async throws {
        try await withServer { server in
            let client = try server.client()
            await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            let answer = try #require(await client.receive())
            #expect(answer.header("Connection") == "close")
            #expect(await client.receiveAll() == "")
            #expect(server.seen.all.map(\.bodyOverflow) == [true])
            #expect(server.seen.all.map(\.body) == [[]])
        }
    }

    @Test func `an endless chunked body is cut`() async throws {
        try await withServer(limits: {
            $0.bodyByteLimit = 1000; $0.discardByteLimit = 100_000
        }) { server in
            let client = try server.client()
            await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n")
            while await client.send([UInt8](repeating: 0x61, count: 10_000)) {}
            #expect(await client.receiveAll() == "")
            #expect(server.seen.all.isEmpty)
            #expect(server.server.counts.connectionsCut == 1)
            #expect(server.server.counts.bufferedBodyBytes == 0)
        }
    }

    @Test func `bodies that find no room together are shed`() async throws {
        let gate = Gate()
        try await withServer(
            limits: { $0.bufferedBodyByteLimit = 1500 },
            answering: { _ in
                await gate.wait()
                return HTTPResponse(status: 200)
            }
        ) { server in
            let request =
                "PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "a", count: 1000)
            let first = try server.client()
            await first.send(request)
            await server.seen.wait(for: 1)
            let second = try server.client()
            await second.send(request)
            let shed = try #require(await second.receive())
            #expect(shed.status == 503)
            #expect(shed.header("Retry-After") == "1")
            gate.open()
            #expect(await first.receive()?.status == 200)
            await second.send(request)
            #expect(await second.receive()?.status == 200)
            #expect(server.server.counts.overloaded == 1)
        }
    }

    // MARK: - Requests and connections

    @Test func `requests beyond the handler's capacity are shed at once`() async throws {
        let gate = Gate()
        try await withServer(
            limits: { $0.maximumActiveRequests = 2 },
            answering: { request in
                await gate.wait()
                return HTTPResponse(status: 200, contentType: "text/plain", text: request.target)
            }
        ) { server in
            let clients = try (0..<3).map { _ in try server.client() }
            for number in 0..<2 {
                await clients[number].send("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n")
            }
            await server.seen.wait(for: 2)
            await clients[2].send("PUT /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
            let shed = try #require(await clients[2].receive())
            #expect(shed.status == 503)
            #expect(shed.header("Retry-After") == "1")
            #expect(shed.header("Connection") == nil)
            #expect(server.server.activeRequests == 2)
            gate.open()
            #expect(await clients[0].receive()?.body == "/0")
            #expect(await clients[1].receive()?.body == "/1")
            await clients[2].send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await clients[2].receive()?.body == "/again")
            #expect(server.seen.all.count == 3)
            #expect(server.server.counts.overloaded == 1)
            #expect(server.server.counts.bufferedBodyBytes == 0)
        }
    }

    @Test func `connections of one address beyond their limit are closed`() async throws {
        try await withServer(limits: { $0.connectionLimitPerAddress = 2 }) { server in
            let held = try (0..<2).map { _ in try server.client() }
            for client in held {
                await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await client.receive()?.status == 200)
            }
            let refused = try server.client()
            #expect(await refused.receiveAll() == "")
            #expect(server.server.counts.connectionsRefused == 1)
            #expect(server.server.connectionCount == 2)
            withExtendedLifetime(held) {}
        }
    }

    @Test func `connections beyond the limit wait for a place`() async throws {
        try await withServer(limits: {
            $0.connectionLimit = 2; $0.workerThreads = 1
        }) { server in
            var held = try (0..<2).map { _ in try server.client() }
            for client in held {
                await client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await client.receive()?.status == 200)
            }
            let waiting = try server.client()
            await waiting.send("GET /late HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(server.server.connectionCount == 2)
            held.removeFirst()
            #expect(await waiting.receive()?.body == "/late")
            withExtendedLifetime(held) {}
        }
    }
}
