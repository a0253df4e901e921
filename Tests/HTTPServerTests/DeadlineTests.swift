import HTTPServer
import Logging
import TestPeers
import Testing

/// Every wait for a client or a handler ends.
@Suite(.timeLimit(.minutes(1))) struct DeadlineTests {
    private static func short(_ configuration: inout HTTPServerConfiguration) {
        configuration.receiveDeadline = .milliseconds(500)
    }

    /// Sends one byte every so often, until the server closes or there are no more.
    private func trickle(_ bytes: [UInt8], to client: RawClient) async -> Bool {
        for byte in bytes {
            guard await client.send([byte]) else { return false }
            guard await client.isOpen(for: .milliseconds(20)) else { return false }
        }
        return true
    }

    @Test(arguments: ["", "G", "GET /x", "GET /x HTTP/1.1\r\nHost: x\r\nX: "])
    func `a head that trickles is cut, and never reaches the handler`(beginning: String) async throws {
        try await withServer(limits: Self.short) { server in
            let client = try server.client()
            await client.send(beginning)
            #expect(await !trickle([UInt8](repeating: 0x61, count: 1000), to: client))
            await server.log.wait(for: "cut a connection")
            #expect(server.seen.all.isEmpty)
            #expect(server.server.counts.connectionsCut == 1)
        }
    }

    @Test(arguments: ["Content-Length: 2000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nFFF\r\n"])
    func `a body that trickles is cut, and never reaches the handler`(head: String) async throws {
        try await withServer(limits: Self.short) { server in
            let client = try server.client()
            await client.send("PUT /x HTTP/1.1\r\nHost: x\r\n\(head)")
            #expect(await !trickle([UInt8](repeating: 0x61, count: 1000), to: client))
            await server.log.wait(for: "cut a connection")
            #expect(server.seen.all.isEmpty)
            #expect(server.server.counts.connectionsCut == 1)
            await server.stop()
            #expect(server.server.counts.bufferedBodyBytes == 0)
        }
    }

    @Test func `a length that is too long is waited for no longer than the deadline`() async throws {
        try await withServer(limits: Self.short) { server in
            let client = try server.client()
            await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nshort")
            #expect(await client.receiveAll() == "")
            #expect(server.seen.all.isEmpty)
        }
    }

    @Test func `a connection without a request is closed`() async throws {
        try await withServer(limits: Self.short) { server in
            let client = try server.client()
            #expect(await client.receiveAll() == "")
            await server.log.wait(for: "cut a connection")
            #expect(server.server.counts.connectionsCut == 1)
        }
    }

    @Test func `a connection that is kept alive for nothing is closed`() async throws {
        try await withServer(limits: { $0.idleTimeout = .seconds(1) }) { server in
            let client = try server.client()
            await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.status == 200)
            #expect(await client.receiveAll() == "")
        }
    }

    @Test func `a handler that takes too long is answered for, cancelled and logged`() async throws {
        let cancelled = Gate()
        try await withServer(
            limits: { $0.handlerDeadline = .seconds(1) },
            answering: { request in
                guard request.target == "/slow" else { return HTTPResponse(status: 200) }
                await withTaskCancellationHandler {
                    await cancelled.wait()
                } onCancel: {
                    cancelled.open()
                }
                return HTTPResponse(status: 200)
            }
        ) { server in
            let client = try server.client()
            await client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            let answer = try #require(await client.receive())
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After") == "5")
            #expect(server.server.counts.timedOut == 1)
            // On a busy machine this one may time out as well, but it is served.
            #expect(await client.ask("/next") != nil)
            #expect(server.log.lines.contains { $0.level == .warning })
        }
    }

    @Test func `a handler that ignores its cancellation keeps its place until it ends`() async throws {
        let gate = Gate()
        try await withServer(
            limits: {
                $0.handlerDeadline = .seconds(1); $0.maximumActiveRequests = 1
            },
            answering: { request in
                await gate.wait()
                return HTTPResponse(status: 200, contentType: "text/plain", text: request.target)
            }
        ) { server in
            let client = try server.client()
            await client.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.status == 503)
            #expect(server.server.activeRequests == 1)
            await client.send("GET /shed HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.receive()?.header("Retry-After") == "1")
            gate.open()
            var answer = await client.ask("/again")
            while answer?.status == 503 { answer = await client.ask("/again") }
            #expect(answer?.body == "/again")
        }
    }

    @Test func `a client that does not take its answer is cut`() async throws {
        let body = [UInt8](repeating: 0x61, count: 16 * 1024 * 1024)
        try await withServer(
            limits: { $0.sendDeadline = .milliseconds(500) },
            answering: { _ in HTTPResponse(status: 200, body: body) }
        ) { server in
            let client = try server.client()
            await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            await server.log.wait(for: "cut a connection")
            #expect(await client.receiveAll().utf8.count < body.count)
        }
    }
}
