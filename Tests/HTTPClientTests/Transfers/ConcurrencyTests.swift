import HTTPClient
import TestPeers
import Testing

@Suite(.tags(.concurrency)) struct ConcurrencyTests {
    private static func echoServer() throws -> RawServer {
        try RawServer { connection in
            while let request = try connection.readRequest() {
                let target = String(decoding: request.split(separator: UInt8(ascii: " "))[1], as: UTF8.self)
                try connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(target.utf8.count)\r\n\r\n\(target)")
            }
        }
    }

    @Test func `500 transfers at once each get their own answer`() async throws {
        let server = try Self.echoServer()
        let client = try makeClient {
            $0.maximumConcurrent = 500
            $0.maximumPerTarget = 500
        }
        let port = server.port
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let request = try makeRequest(.get, port: port, path: "/\(number)") { $0.total = .seconds(60) }
                    let answer = try await client.perform(request).answer()
                    #expect(answer.body == Array("/\(number)".utf8))
                }
            }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 500)
        #expect(client.outstandingCount == 0)
        await client.stop()
    }

    @Test func `a target that hangs takes no more than its share of the places`() async throws {
        let hanging = try Self.silentServer()
        let quick = try Self.echoServer()
        let client = try makeClient {
            $0.maximumConcurrent = 4
            $0.maximumPerTarget = 3
        }
        let hangingPort = hanging.port
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask { _ = try? await client.perform(makeRequest(port: hangingPort)) }
            }
            // Not before those are there, and then within a fraction of what they would take.
            while client.outstandingCount < 20 {
                await Task.yield()
            }
            for number in 0..<20 {
                let outcome = try? await client.perform(makeRequest(.get, port: quick.port, path: "/\(number)"))
                #expect(throws: Never.self) { try outcome?.answer() }
            }
            #expect(hanging.connectionCount <= 3)
            group.cancelAll()
        }
        await client.stop()
    }

    @Test func `a cancelled task ends its transfer and closes the connection`() async throws {
        let (sent, whenSent) = AsyncStream<Void>.makeStream()
        let (closed, whenClosed) = AsyncStream<Void>.makeStream()
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            whenSent.yield()
            try connection.waitForClose()
            whenClosed.yield()
        }
        let client = try makeClient()
        let request = try makeRequest(port: server.port)
        async let ended: HTTPOutcome? = {
            await withTaskGroup(of: HTTPOutcome?.self) { group in
                group.addTask { await client.perform(request) }
                group.addTask {
                    for await _ in sent { break }
                    return nil
                }
                _ = await group.next()
                group.cancelAll()
                return await group.reduce(nil) { $0 ?? $1 }
            }
        }()
        let failure = try #require(await ended).failure()
        #expect(failure.kind == .cancelled)
        #expect(failure.requestMayHaveArrived)
        for await _ in closed { break }
        await client.stop()
    }

    private static func silentServer() throws -> RawServer {
        try RawServer { connection in
            _ = try connection.readRequest()
            try connection.waitForClose()
        }
    }

    @Test func `what waits can be cancelled, and is refused beyond the limit`() async throws {
        let server = try Self.silentServer()
        let client = try makeClient {
            $0.maximumConcurrent = 1
            $0.maximumOutstanding = 3
        }
        let port = server.port
        let kinds = await withTaskGroup(of: HTTPFailure?.self) { group in
            for _ in 0..<3 {
                group.addTask { try? await client.perform(makeRequest(port: port)).failure() }
            }
            while client.outstandingCount < 3 { await Task.yield() }
            let refused = try? await client.perform(makeRequest(port: port)).failure()
            #expect(refused?.kind == .queueFull)
            #expect(refused?.requestMayHaveArrived == false)
            group.cancelAll()
            return await group.reduce(into: []) { $0.append($1?.kind) }
        }
        #expect(kinds == [.cancelled, .cancelled, .cancelled])
        await client.stop()
    }

    @Test func `what waits expires`() async throws {
        let server = try Self.silentServer()
        let client = try makeClient { $0.maximumConcurrent = 1 }
        let port = server.port
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await client.perform(makeRequest(port: port)) }
            while client.outstandingCount < 1 { await Task.yield() }
            let expired = try? await client.perform(makeRequest(port: port) { $0.total = .milliseconds(100) }).failure()
            #expect(expired?.kind == .timedOut(.queue))
            #expect(expired?.requestMayHaveArrived == false)
            group.cancelAll()
        }
        await client.stop()
    }

    @Test func `stopping ends what is under way, and later requests end at once`() async throws {
        let (sent, whenSent) = AsyncStream<Void>.makeStream()
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            whenSent.yield()
            try connection.waitForClose()
        }
        let client = try makeClient()
        let request = try makeRequest(port: server.port)
        async let outcome = client.perform(request)
        for await _ in sent { break }
        await client.stop()
        #expect(try await outcome.failure().kind == .cancelled)
        #expect(try await client.perform(request).failure().kind == .cancelled)
        await client.stop()
        #expect(client.outstandingCount == 0)
    }

    @Test func `cancelling at any moment gives each request exactly one outcome`() async throws {
        let server = try Self.echoServer()
        let client = try makeClient()
        let port = server.port
        var outcomeCount = 0
        for round in 0..<50 {
            outcomeCount += await withTaskGroup(of: HTTPOutcome?.self) { group in
                for number in 0..<10 {
                    group.addTask {
                        try? await client.perform(makeRequest(.get, port: port, path: "/\(number)"))
                    }
                }
                let early = round % 10
                for _ in 0..<early {
                    _ = await group.next()
                }
                group.cancelAll()
                return await group.reduce(early) { $1 == nil ? $0 : $0 + 1 }
            }
        }
        #expect(outcomeCount == 500)
        #expect(client.outstandingCount == 0)
        await client.stop()
    }
}
