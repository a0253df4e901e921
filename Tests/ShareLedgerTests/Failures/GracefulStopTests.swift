import Foundation
import Glibc
import HTTPServer
import Linux
import TestPeers
import TestSupport
import Testing

/// SIGTERM while messages come.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct GracefulStopTests {
    @Test func `a start that is interrupted ends, and leaves nothing in the way of the next one`() async throws {
        let service = try TestService()
        try await service.launch()
        try await service.eventually("the cluster is being made") {
            (try? service.log.contains("Making the database")) == true
        }
        try await service.send(SIGTERM)
        let exit = try await service.waitForEnd()
        #expect(exit == .code(128 + SIGTERM))
        #expect(!FileManager.default.fileExists(atPath: "\(service.data)/pgdata/postmaster.pid"))
        try await service.start()
        #expect(try await service.stop() == .code(0))
    }

    @Test func `what was taken before the end is answered, what was not answered was not taken`() async throws {
        let service = try await TestService.started()
        try await service.agree()
        let file = try AcknowledgementFile(path: service.directory.path(of: "acknowledged"))
        let (answers, reporter) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<8 {
                group.addTask { try await Self.share(on: service, number, file, reporter) }
            }
            var count = 0
            for await _ in answers {
                count += 1
                if count == 200 { break }
            }
            try await service.send(SIGTERM)
            try await service.send(SIGTERM)
            #expect(try await service.waitForEnd() == .code(0))
        }
        #expect(!FileManager.default.fileExists(atPath: "\(service.data)/pgdata/postmaster.pid"))
        let acknowledgements = try file.contents
        #expect(acknowledgements.count >= 200)
        let recorded = try await service.recordedMessages()
        #expect(recorded == acknowledgements.sorted { $0.position < $1.position }.map(\.line))
        // The command above has started PostgreSQL, and stopped it.
        #expect(!FileManager.default.fileExists(atPath: "\(service.data)/pgdata/postmaster.pid"))
        try await service.start()
        #expect(try await service.stop() == .code(0))
    }

    @Test func `an answer that a partner's server is slow to give does not hold up the end for long`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 200)
        }
        let service = try await TestService.started()
        try await service.agree(with: partner.url)
        await partner.waitForRequests(1)
        let began = ContinuousClock.now
        #expect(try await service.stop() == .code(0))
        #expect(began.duration(to: .now) < .seconds(30))
        gate.open()
        let history = try await service.command("history", "--type", "attempt", "--json").objects
        #expect(history.suffix(2).compactMap { $0["type"] as? String } == ["attempt.begun", "attempt.unknown"])
        await partner.stop()
    }

    /// Shares one ticket after the other on a connection until that is closed.
    private static func share(
        on service: TestService,
        _ number: Int,
        _ file: AcknowledgementFile,
        _ reporter: AsyncStream<Void>.Continuation,
    ) async throws {
        var client = InsistentClient(port: service.publicPort)
        for step in 0..<100_000 {
            let ticket = "t\(number)-\(step)"
            let comment = "c\(number)-\(step)"
            let body = #"{"uuid":"\#(ticket)","comments":[{"uuid":"\#(comment)","body":"Seen."}]}"#
            let target = "/sharing/tickets/\(ticket)"
            let message = InsistentClient.message("POST", target, token: TestService.token(), body)
            guard let answer = try await client.sendOnce(message) else { return }
            try file.append(Acknowledgement(answer, ticket: ticket, comment: comment, direction: "in"))
            reporter.yield()
        }
    }
}
