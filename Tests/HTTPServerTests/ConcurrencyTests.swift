import HTTPServer
import TestPeers
import Testing

@Suite(.tags(.concurrency), .timeLimit(.minutes(1))) struct ConcurrencyTests {
    @Test(arguments: [1, 2])
    func `two hundred requests in flight are answered each with its own answer`(workerThreads: Int) async throws {
        let gate = Gate()
        try await withServer(
            limits: { $0.workerThreads = workerThreads },
            answering: { request in
                await gate.wait()
                return HTTPResponse(status: 200, contentType: "text/plain", text: request.target)
            }
        ) { server in
            try await withThrowingTaskGroup { group in
                for number in 0..<200 {
                    group.addTask {
                        let client = try server.client()
                        for round in 0..<3 {
                            await client.send(
                                "PUT /\(number)/\(round) HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
                            )
                            #expect(await client.receive()?.body == "/\(number)/\(round)")
                        }
                    }
                }
                group.addTask {
                    await server.seen.wait(for: 200)
                    #expect(server.server.activeRequests == 200)
                    gate.open()
                }
                try await group.waitForAll()
            }
            #expect(server.seen.all.count == 600)
            #expect(server.server.counts.handled == 600)
            #expect(server.server.counts.bufferedBodyBytes == 0)
        }
    }

    @Test(arguments: [0, 1, 2])
    func `a handler finishes its work after its client has gone`(wayOfLeaving: Int) async throws {
        let (entered, left, finished) = (Gate(), Gate(), Gate())
        let wasCancelled = Shared(true)
        try await withServer(answering: { request in
            guard request.target == "/x" else { return HTTPResponse(status: 200) }
            entered.open()
            await left.wait()
            wasCancelled.change { $0 = Task.isCancelled }
            finished.open()
            return HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 1 << 20))
        }) { server in
            do {
                let client = try server.client()
                await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
                await entered.wait()
                if wayOfLeaving == 1 { client.finishSending() }
                if wayOfLeaving == 2 { client.abort() }
            }
            left.open()
            await finished.wait()
            #expect(!wasCancelled.value)
            #expect(try await server.client().ask("/next")?.status == 200)
        }
    }

    @Test func `an exchange whose client has gone is released once, and with it all that it held`() async throws {
        let server = try TestServer(handler: { _ in
            await Task.yield()
            return HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: 1 << 20))
        })
        await withTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    guard let client = try? server.client() else { return }
                    await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
                    client.abort()
                }
            }
        }
        await server.stop()
        let counts = server.server.counts
        #expect(counts.activeRequests == 0)
        #expect(counts.bufferedBodyBytes == 0)
        #expect(counts.connections == 0)
    }

    /// One more than the events that the library takes from epoll at a time, and twice that.
    @Test(arguments: [128, 256])
    func `as many connections as the library takes events at a time do not stall it`(count: Int) async throws {
        try await withServer(limits: { $0.workerThreads = 1 }) { server in
            let clients = try (0..<count).map { _ in try server.client() }
            await withTaskGroup { group in
                for client in clients {
                    group.addTask {
                        for round in 0..<5 { #expect(await client.ask("/\(round)")?.body == "/\(round)") }
                    }
                }
            }
        }
    }
}
