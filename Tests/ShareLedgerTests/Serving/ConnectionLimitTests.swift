import Linux
import TestPeers
import Testing

/// How many connections one address may hold.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct ConnectionLimitTests {
    private let target = "/sharing/agreements/a1"

    @Test func `one address cannot keep another out, and has its place back when it lets go`() async throws {
        let service = try await TestService.started(["--connection-limit", "8"])
        let held = try (0..<2).map { _ in try RawClient(port: service.publicPort) }
        for client in held { #expect(await client.ask(target)?.status == 401) }
        // A quarter of them is two; the third is closed without an answer.
        let third = try RawClient(port: service.publicPort)
        #expect(await third.ask(target) == nil)
        let other = try RawClient(port: service.publicPort, source: "127.0.0.2")
        #expect(await other.ask(target)?.status == 401)
        #expect(try await service.ask("GET", "/readyz", at: service.privatePort)?.status == 200)
        held[0].abort()
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        var answer: RawClient.Answer?
        while answer == nil, .now < deadline { answer = try await RawClient(port: service.publicPort).ask(target) }
        #expect(answer?.status == 401)
        #expect(try await service.stop() == .code(0))
    }

    @Test func `a trusted proxy holds as many as there are`() async throws {
        let options = ["--connection-limit", "8", "--trusted-proxy", "127.0.0.1"]
        let service = try await TestService.started(options)
        let held = try (0..<6).map { _ in try RawClient(port: service.publicPort) }
        for client in held { #expect(await client.ask(target)?.status == 401) }
        #expect(try await service.stop() == .code(0))
    }
}
