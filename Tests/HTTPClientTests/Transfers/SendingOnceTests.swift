import Foundation
import HTTPClient
import TestPeers
import Testing

@Suite struct SendingOnceTests {
    @Test(arguments: [HTTPRequest.Method.post, .put, .get, .delete], [false, true])
    func `a request on an open connection that dies is sent exactly once`(
        method: HTTPRequest.Method,
        isReset: Bool,
    ) async throws {
        let server = try RawServer { connection in
            guard try connection.readRequest() != nil else { return }
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = try connection.readRequest()
            if isReset {
                connection.reset()
            }
        }
        let client = try makeClient()
        _ = try await client.perform(makeRequest(method, port: server.port, path: "/first")).answer()
        let failure = try await client.perform(makeRequest(method, port: server.port, path: "/second")).failure()
        #expect(failure.kind == .resendPrevented || failure.kind == .connectionLost)
        #expect(failure.requestMayHaveArrived)
        // A third one goes through, on a connection of its own; only now is it certain what the second did.
        _ = try await client.perform(makeRequest(method, port: server.port, path: "/third")).answer()
        let paths = server.requestTexts.map { $0.split(separator: " ")[1] }
        #expect(paths == ["/first", "/second", "/third"])
        await client.stop()
    }

    @Test func `another open connection is not used for a second sending`() async throws {
        // Eight connections answer one request each, all at once; each dies under the next one that it sees.
        let arrivals = DispatchGroup()
        for _ in 0..<8 { arrivals.enter() }
        let server = try RawServer { connection in
            guard try connection.readRequest() != nil else { return }
            if connection.number < 8 {
                arrivals.leave()
                arrivals.wait()
            }
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = try connection.readRequest()
        }
        let client = try makeClient()
        let port = server.port
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { _ = try await client.perform(makeRequest(port: port, path: "/warm")).answer() }
            }
            try await group.waitForAll()
        }
        let failure = try await client.perform(makeRequest(port: port, path: "/once")).failure()
        #expect(failure.requestMayHaveArrived)
        #expect(server.requestTexts.filter { $0.hasPrefix("POST /once") }.count == 1)
        await client.stop()
    }

    @Test func `a connection that the server has closed meanwhile is not used`() async throws {
        let server = try RawServer { connection in
            guard try connection.readRequest() != nil else { return }
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let client = try makeClient()
        for _ in 0..<3 {
            // The server closes right after its answer: depending on which is first the connection is found closed
            // or dies under the request, but never is a request seen twice.
            _ = try await client.perform(makeRequest(port: server.port))
        }
        #expect(server.requests.count <= 3)
        await client.stop()
    }
}
