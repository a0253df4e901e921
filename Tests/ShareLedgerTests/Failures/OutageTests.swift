import Foundation
import Glibc
import Linux
import TestPeers
import TestSupport
import Testing

/// PostgreSQL goes away while messages come.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct OutageTests {
    private static let ticket = #"{"uuid":"t1","subject":"Autofocus hunts","status":"open"}"#

    @Test func `messages get 503 with Retry-After while PostgreSQL is away, and are taken once it is back`()
        async throws
    {
        let service = try await TestService.started()
        try await service.agree()
        let token = TestService.token()
        try await service.withoutPostgres {
            async let inbound = service.fromPartner("POST", "/tickets/t1", token: token, Self.ticket)
            async let outbound = service.fromDesk("PUT", "/agreements/a1", token: token, #"{"name":"MondoCam"}"#)
            async let read = service.fromPartner("GET", "/agreements/a1", token: token)
            async let readiness = Self.timedReadiness(of: service)
            for answer in [try await inbound, try await outbound, try await read] {
                #expect(answer.status == 503)
                #expect(answer.header("Retry-After").flatMap { Int($0) } != nil)
                #expect(!answer.body.contains("/"), "it says where things are: \(answer.body)")
            }
            let (status, time) = try await readiness
            #expect(status == 503 && time < .seconds(2), "\(time)")
            let health = try #require(try await service.ask("GET", "/healthz", at: service.privatePort))
            #expect(health.status == 200)
        }
        try await service.waitUntilReady()
        let answer = try await service.fromPartner("POST", "/tickets/t1", token: token, Self.ticket)
        #expect(answer.status == 201)
        #expect(try await service.sql("SELECT count(*) FROM audit.message WHERE type = 'ticket.shared'") == "1")
        #expect(try await service.stop() == .code(0))
    }

    /// What `/readyz` says, and how long that took.
    private static func timedReadiness(of service: TestService) async throws -> (status: Int?, time: Duration) {
        let start = ContinuousClock.now
        let answer = try await service.ask("GET", "/readyz", at: service.privatePort)
        return (answer?.status, start.duration(to: .now))
    }

    @Test func `a PostgreSQL that dies while nobody comes is started again all the same`() async throws {
        let service = try await TestService.started()
        let old = try service.postmaster
        kill(old, SIGKILL)
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        // There may be no file while one ends and another starts.
        while service.currentPostmaster ?? old == old {
            try #require(.now < deadline, "nobody has started it")
            try await Task.sleep(for: .milliseconds(50))
        }
        try await service.waitUntilReady()
        #expect(try await service.stop() == .code(0))
    }

    @Test(.long) func `a PostgreSQL that hangs costs a message its answer for no longer than half a minute`()
        async throws
    {
        let service = try await TestService.started()
        try await service.agree()
        let message = InsistentClient.message("POST", "/sharing/tickets/t1", token: TestService.token(), Self.ticket)
        var client = InsistentClient(port: service.publicPort)
        try await service.withStoppedPostgres {
            let answer = try await client.sendOnce(message)
            #expect(answer?.status ?? 503 == 503)
        }
        let answer = try await client.send(message)
        #expect(answer.status == 201)
        #expect(try await service.sql("SELECT count(*) FROM audit.message WHERE type = 'ticket.shared'") == "1")
        #expect(try await service.stop() == .code(0))
    }
}

/// The same with a PostgreSQL of somebody else's, to which only the connection is lost.
@Suite(.fewAtATime, .database(template: "empty", durable: true) { _ in }, .timeLimit(.minutes(15)))
struct ConnectionLossTests {
    private let database = TestDatabase.current

    @Test func `a COMMIT whose answer is lost is answered as what it was`() async throws {
        let proxy = try CommitProxy(to: database.endpoint)
        let service = try await TestService.started(environment: try environment(through: proxy))
        try await service.agree()
        var events: [String] = []
        for number in 0..<8 {
            proxy.swallowNextCommit()
            let ticket = "t\(number)"
            let token = TestService.token()
            let answer = try await service.fromPartner(
                "POST",
                "/tickets/\(ticket)",
                token: token,
                #"{"uuid":"\#(ticket)"}"#
            )
            #expect(answer.status == 201)
            events.append(try #require(answer.header("ShareLedger-Event-Id")))
        }
        #expect(proxy.swallowCount == 8)
        #expect(try await recorded() == events)
        #expect(try await service.stop() == .code(0))
    }

    @Test func `where nobody can say whether it was committed the repeat gets the answer that was lost`() async throws {
        let proxy = try CommitProxy(to: database.endpoint)
        let service = try await TestService.started(environment: try environment(through: proxy))
        try await service.agree()
        let token = TestService.token()
        proxy.swallowNextCommit(thenRefuses: true)
        let first = try await service.fromPartner("POST", "/tickets/t1", token: token, #"{"uuid":"t1"}"#)
        #expect(first.status == 503)
        #expect(first.header("Retry-After") != nil)
        proxy.admit()
        try await service.waitUntilReady()
        let second = try await service.fromPartner("POST", "/tickets/t1", token: token, #"{"uuid":"t1"}"#)
        #expect(second.status == 201)
        #expect(try await recorded() == [try #require(second.header("ShareLedger-Event-Id"))])
        #expect(try await service.stop() == .code(0))
    }

    // MARK: Helpers

    private func environment(through proxy: CommitProxy) throws -> [String: String] {
        let direct = database.parameters()
        return [
            "DATABASE_URL": try url(direct.merging(["host": proxy.directory.path, "port": "5432"]) { $1 }),
            "SHARELEDGER_OWNER_URL": try url(direct.merging(["user": "shareledger_owner"]) { $1 }),
        ]
    }

    private func url(_ parameters: [String: String]) throws -> String {
        var url = URLComponents()
        url.queryItems = parameters.sorted { $0.key < $1.key }.map { URLQueryItem(name: $0.key, value: $0.value) }
        return "postgresql://" + (try #require(url.string))
    }

    private func recorded() async throws -> [String] {
        let question = "SELECT event_id FROM ledger.event WHERE type = 'ticket.shared' ORDER BY position"
        return try await database.execute(question).split(separator: "\n").map(String.init)
    }
}
