import HTTPServer
import Logging
import TestPeers
import Testing

@Suite(.timeLimit(.minutes(1))) struct StopTests {
    @Test func `a request under way is answered before the server stops`() async throws {
        let gate = Gate()
        let server = try TestServer(handler: { _ in
            await gate.wait()
            return HTTPResponse(status: 200, contentType: "text/plain", text: "late")
        })
        let client = try server.client()
        await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.seen.wait(for: 1)
        async let stopped: Void = server.stop()
        let refused = await server.untilRefused()
        #expect(refused)
        gate.open()
        let answer = try #require(await client.receive())
        #expect(answer.body == "late")
        #expect(answer.header("Connection") == "close")
        #expect(await client.receiveAll() == "")
        await stopped
        #expect(server.server.connectionCount == 0)
    }

    @Test func `a body still being sent is received and answered before the server stops`() async throws {
        let server = try TestServer({ $0.drainGrace = .milliseconds(20) })
        let client = try server.client()
        await client.send("PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        #expect(await client.receive()?.status == 100)
        async let stopped: Void = server.stop()
        #expect(await server.untilRefused())
        #expect(await client.isOpen(for: .milliseconds(100)))
        await client.send("body")
        #expect(await client.receive()?.body == "/x")
        await stopped
    }

    @Test func `idle connections do not keep the server from stopping`() async throws {
        let server = try TestServer({ $0.drainGrace = .milliseconds(20) })
        let idle = try server.client()
        #expect(await idle.ask("/x")?.status == 200)
        let silent = try server.client()
        await server.stop(deadline: .seconds(3600))
        #expect(await idle.receiveAll() == "")
        #expect(await silent.receiveAll() == "")
        #expect(server.server.counts.connectionsCut == 0)
    }

    @Test func `a handler that never ends is answered for at the deadline`() async throws {
        let gate = Gate()
        let server = try TestServer(handler: { _ in
            await gate.wait()
            return HTTPResponse(status: 200)
        })
        let client = try server.client()
        await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.seen.wait(for: 1)
        let slow = try server.client()
        await slow.send("PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nb")
        await server.stop(deadline: .milliseconds(50))
        #expect(await client.receive()?.status == 503)
        #expect(await slow.receiveAll() == "")
        #expect(server.seen.all.map(\.target) == ["/x"])
        gate.open()
    }

    @Test func `a caller that is cancelled hurries the stop`() async throws {
        let gate = Gate()
        let server = try TestServer(handler: { _ in
            await gate.wait()
            return HTTPResponse(status: 200)
        })
        let client = try server.client()
        await client.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.seen.wait(for: 1)
        let stop = Task { await server.stop(deadline: .seconds(3600)) }
        #expect(await server.untilRefused())
        stop.cancel()
        await stop.value
        #expect(await client.receive()?.status == 503)
        gate.open()
    }

    @Test func `stopping twice, or before the start, returns`() async throws {
        let server = try TestServer()
        async let first: Void = server.stop()
        async let second: Void = server.stop()
        _ = await (first, second)
        await server.stop()
        let unused = HTTPServer(configuration: HTTPServerConfiguration(), logger: Logger(label: "http")) { _ in
            HTTPResponse(status: 200)
        }
        await unused.stop(deadline: .seconds(1))
    }

    @Test func `a stopped server has gone, and its port is free`() async throws {
        weak var gone: HTTPServer?
        let port: UInt16
        do {
            let server = try TestServer()
            port = server.port
            gone = server.server
            #expect(try await server.client().ask("/x")?.status == 200)
            // The library gives this one up without ever reporting it as completed.
            _ = try await server.client().ask("/x?" + String(repeating: "a&", count: 3000))
            await server.stop()
        }
        while gone != nil { await Task.yield() }
        _ = try ListeningSocket.bind(host: "127.0.0.1", port: port)
    }

    @Test(.tags(.concurrency), arguments: [false, true])
    func `a stop during traffic drops nothing that was taken`(reusesConnections: Bool) async throws {
        let server = try TestServer(handler: { request in
            await Task.yield()
            return HTTPResponse(status: 200, contentType: "text/plain", text: request.target)
        })
        let answered = Shared<Set<String>>([])
        await withTaskGroup { group in
            for worker in 0..<16 {
                group.addTask {
                    var client = try? server.client()
                    for number in 0... {
                        guard let current = client, let answer = await current.ask("/\(worker)/\(number)") else {
                            return
                        }
                        #expect(answer.body == "/\(worker)/\(number)")
                        answered.change { $0.insert(answer.body) }
                        if !reusesConnections || answer.header("Connection") == "close" {
                            client = try? server.client()
                        }
                    }
                }
            }
            await server.seen.wait(for: 500)
            await server.stop()
        }
        // What the handler has seen has been answered, and the other way round.
        let seen = Set(server.seen.all.map(\.target))
        #expect(seen.subtracting(answered.value).isEmpty)
        #expect(answered.value.subtracting(seen).isEmpty)
        #expect(server.server.counts.activeRequests == 0)
    }
}
