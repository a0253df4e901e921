import Foundation
import Linux
import TestPeers
import TestSupport
import Testing

/// More than the service can take.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct FloodTests {
    @Test func `connections past the limit are not served until others go, and do no harm`() async throws {
        let service = try await TestService.started(["--connection-limit", "8", "--connection-limit-per-address", "0"])
        let held = try (0..<8).map { _ in try RawClient(port: service.publicPort) }
        for client in held {
            let answer = try #require(await client.ask("/sharing/agreements/a1"))
            #expect(answer.status == 401)
        }
        let waiting = try RawClient(port: service.publicPort)
        await waiting.send("GET /sharing/agreements/a1 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await waiting.isOpen(for: .milliseconds(300)))
        // The other listener has a limit of its own.
        #expect(try await service.ask("GET", "/readyz", at: service.privatePort)?.status == 200)
        for client in held { client.abort() }
        let answer = try #require(await waiting.receive())
        #expect(answer.status == 401)
        #expect(try await service.stop() == .code(0))
    }

    @Test func `two thousand messages that nobody can store get 503, and memory has a bound`() async throws {
        try await flood(byteCount: 4_000, growth: 64 << 20)
    }

    @Test(.long) func `the same with messages of a hundred kilobytes`() async throws {
        try await flood(byteCount: 100_000, growth: 256 << 20)
    }

    /// - Parameter growth: By how much the service's memory may grow meanwhile.
    private func flood(byteCount: Int, growth: Int) async throws {
        let service = try await TestService.started(["--connection-limit-per-address", "0"])
        try await service.agree()
        let before = try service.residentBytes
        let count = try await service.withoutPostgres {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<500 {
                    group.addTask { try await Self.send(4, of: byteCount, to: service, number) }
                }
                return try await group.reduce(0, +)
            }
        }
        // Where the machine has too much to do a client may give up before its answer comes.
        #expect(count > 1000)
        #expect(try service.peakBytes - before < growth)
        try await service.waitUntilReady()
        var client = InsistentClient(port: service.publicPort)
        let message = InsistentClient.message(
            "POST",
            "/sharing/tickets/t",
            token: TestService.token(),
            #"{"uuid":"t"}"#
        )
        #expect(try await client.send(message).status == 201)
        #expect(try await service.stop() == .code(0))
    }

    /// Sends messages on one connection, and returns how many were answered with 503.
    private static func send(
        _ messages: Int,
        of byteCount: Int,
        to service: TestService,
        _ number: Int,
    ) async throws -> Int {
        var client = InsistentClient(port: service.publicPort)
        let text = String(repeating: "Seen again. ", count: byteCount / 12)
        var count = 0
        for step in 0..<messages {
            let ticket = "t\(number)-\(step)"
            let body = #"{"uuid":"\#(ticket)","comments":[{"uuid":"c","body":"\#(text)"}]}"#
            let target = "/sharing/tickets/\(ticket)"
            let message = InsistentClient.message("POST", target, token: TestService.token(), body)
            guard let answer = try await client.sendOnce(message) else { continue }
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After") != nil)
            count += 1
        }
        return count
    }
}

extension TestService {
    /// Memory of the service now, and the most that it ever had.
    fileprivate nonisolated var residentBytes: Int { get throws { try bytes("VmRSS:") } }
    fileprivate nonisolated var peakBytes: Int { get throws { try bytes("VmHWM:") } }

    private nonisolated func bytes(_ name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(try identity)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name) })
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }) * 1024
    }
}
