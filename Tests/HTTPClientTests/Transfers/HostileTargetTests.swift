import HTTPClient
import TestPeers
import Testing

@Suite struct HostileTargetTests {
    /// Serves each connection, makes one small request, and hands over what became of it.
    private func outcome(
        limits: (inout HTTPLimits) -> Void = { _ in },
        serving serve: @escaping @Sendable (RawConnection) throws -> Void,
    ) async throws -> HTTPOutcome {
        let server = try RawServer { connection in
            _ = try connection.readRequest()
            try serve(connection)
        }
        let client = try makeClient()
        let outcome = try await client.perform(makeRequest(port: server.port, limits: limits))
        await client.stop()
        return outcome
    }

    @Test func `rubbish under a 200 is an answer like any other`() async throws {
        let rubbish: [UInt8] = [0, 0xFF, 0x0A, 0x80]
        let answer = try await outcome { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            try connection.write(rubbish)
        }.answer()
        #expect(answer.status == 200)
        #expect(answer.body == rubbish)
    }

    @Test func `a redirection to an inner address is not followed`() async throws {
        let inner = try RawServer { _ in }
        let port = inner.port
        let answer = try await outcome { connection in
            let location = "http://127.0.0.1:\(port)/"
            try connection.write("HTTP/1.1 301 Moved\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
        }.answer()
        #expect(answer.status == 301)
        #expect(inner.connectionCount == 0)
    }

    @Test func `a gigabyte of body is cut at the limit`() async throws {
        let limits = HTTPLimits()
        let failure = try await outcome { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            let piece = [UInt8](repeating: 0x78, count: 1 << 16)
            for _ in 0..<(1 << 14) {
                try connection.write(piece)
            }
        }.failure()
        #expect(failure.kind == .tooLarge(.body))
        #expect(failure.requestMayHaveArrived)
        let answer = try #require(failure.partialAnswer)
        #expect(answer.status == 200)
        #expect(answer.body.count == limits.keptBodyByteCount)
        #expect(answer.bodyByteCount > limits.maximumBodyByteCount)
        #expect(answer.bodyByteCount <= limits.maximumBodyByteCount + 1 << 20)
    }

    @Test func `a body between the limits is read to its end and kept in part`() async throws {
        let answer = try await outcome { limits in
            limits.keptBodyByteCount = 10
        } serving: { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n0123456789abcde")
        }.answer()
        #expect(answer.body == Array("0123456789".utf8))
        #expect(answer.bodyByteCount == 15)
        #expect(answer.isBodyTruncated)
    }

    @Test func `one byte at a time runs into the time limit`() async throws {
        let failure = try await outcome { limits in
            limits.total = .milliseconds(300)
        } serving: { connection in
            try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
            try connection.waitForClose()
        }.failure()
        #expect(failure.kind == .timedOut(.body))
        #expect(failure.partialAnswer?.status == 200)
        #expect(failure.partialAnswer?.body == Array("x".utf8))
        #expect(failure.durations.total >= .milliseconds(290))
    }

    @Test func `a target slower than the lowest speed is given up`() async throws {
        let failure = try await outcome { limits in
            limits.lowSpeedByteCount = 1_000
            limits.lowSpeedTime = .seconds(1)
        } serving: { connection in
            try connection.write("HTTP/1.1 200 OK\r\n\r\n")
            try connection.waitForClose()
        }.failure()
        #expect(failure.kind == .timedOut(.body))
        #expect(failure.durations.total < .seconds(10))
    }

    @Test func `silence runs into the time limit, and the request may have arrived`() async throws {
        let failure = try await outcome { limits in
            limits.total = .milliseconds(200)
        } serving: { connection in
            try connection.waitForClose()
        }.failure()
        #expect(failure.kind == .timedOut(.answer))
        #expect(failure.requestMayHaveArrived)
        #expect(failure.partialAnswer == nil)
    }

    @Test func `a head that stops half-way runs into the time limit`() async throws {
        let failure = try await outcome { limits in
            limits.total = .milliseconds(200)
        } serving: { connection in
            try connection.write("HTTP/1.1 201 Created\r\nX-Half")
            try connection.waitForClose()
        }.failure()
        #expect(failure.kind == .timedOut(.answer))
        #expect(failure.partialAnswer?.status == 201)
    }

    @Test func `a connection closed or reset without an answer is lost, and the request may have arrived`()
        async throws
    {
        for isReset in [false, true] {
            let failure = try await outcome { connection in
                if isReset {
                    connection.reset()
                }
            }.failure()
            #expect(failure.kind == .connectionLost)
            #expect(failure.requestMayHaveArrived)
        }
    }

    @Test func `an answer that breaks off is told as far as it came`() async throws {
        for tail in ["Content-Length: 100\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
            let failure = try await outcome { connection in
                try connection.write("HTTP/1.1 200 OK\r\n" + tail)
            }.failure()
            #expect(failure.kind == .connectionLost)
            #expect(failure.partialAnswer?.status == 200)
            #expect(failure.partialAnswer?.body == Array("half".utf8))
        }
    }

    @Test(arguments: [
        "hello\r\n", "<html>HTTP/0.9 has no head</html>", "HTTP/2 200\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\nX : x\r\n\r\n",
    ])
    func `what is not an HTTP answer is malformed`(answer: String) async throws {
        let failure = try await outcome { connection in
            try connection.write(answer)
        }.failure()
        #expect(failure.kind == .malformedAnswer)
        #expect(failure.requestMayHaveArrived)
    }

    @Test func `interim answers without end are stopped`() async throws {
        let failure = try await outcome { connection in
            while true {
                try connection.write("HTTP/1.1 100 Continue\r\n\r\n")
            }
        }.failure()
        #expect(failure.kind == .tooLarge(.head))
        #expect(failure.partialAnswer == nil)
    }

    @Test(arguments: [("X-Many: 1\r\n", 1), ("X", 1), ("X: y", 10_000)])
    func `headers without end are stopped`(start: String, times: Int) async throws {
        let piece = String(repeating: start, count: times)
        let failure = try await outcome { connection in
            try connection.write("HTTP/1.1 200 OK\r\n")
            while true {
                try connection.write(piece)
            }
        }.failure()
        #expect(failure.kind == .tooLarge(.head))
        #expect((failure.partialAnswer?.head.count ?? 0) <= HTTPLimits().maximumHeadByteCount)
    }

    @Test func `trailers without end are stopped`() async throws {
        let failure = try await outcome { connection in
            try connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
            while true {
                try connection.write("X-Trailer: 1\r\n")
            }
        }.failure()
        #expect(failure.kind == .tooLarge(.head))
        #expect(failure.partialAnswer?.headers.count == 1)
    }

    @Test func `an answer before the body has been taken counts`() async throws {
        let server = try RawServer { connection in
            _ = try connection.read(upTo: 10)
            try connection.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            try connection.waitForClose()
        }
        let client = try makeClient()
        let body = String(repeating: "x", count: 4 << 20)
        let answer = try await client.perform(makeRequest(port: server.port, body: body)).answer()
        #expect(answer.status == 403)
        await client.stop()
    }
}
