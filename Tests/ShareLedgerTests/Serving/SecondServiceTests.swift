import Foundation
import Glibc
import HTTPServer
import Linux
import TestPeers
import Testing

/// A second `serve` on a data directory where one works already.
@Suite(.fewAtATime) struct SecondServiceTests {
    @Test func `who has the ports is named, with what to do`() async throws {
        let service = try await TestService.started()
        let listen = [
            "--public-listen", "127.0.0.1:\(service.publicPort)", "--private-listen",
            "127.0.0.1:\(service.privatePort)",
        ]
        let second = try await service.run(["serve"] + listen)
        #expect(second.status == 69 && second.output.isEmpty)
        #expect(second.errors.contains("port \(service.publicPort) on 127.0.0.1 is in use, and process "))
        #expect(second.errors.contains("and process \(try service.identity), 'shareledger serve' on 127.0.0.1:"))
        #expect(second.errors.contains("stop that one, or give this one other ports"), "\(second.errors)")
        // One that was killed has left its mark, but is not taken for one that works.
        try await service.killHard()
        try await service.start()
        let third = try await service.run(["serve"] + listen)
        #expect(third.errors.contains("process \(try service.identity), "), "\(third.errors)")
        #expect(try await service.stop() == .code(0))
    }

    @Test func `the URLs of the first stay those of invitations and of doctor`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        try await service.add(partner)
        let second = try TestService(beside: service)
        try await second.start()
        #expect(try second.log.contains("invitations and doctor go on with its URLs"))
        #expect(try await second.stop() == .code(0))
        let agreed = try await service.invite()
        await partner.waitForRequests(1)
        let shown = try await service.command("agreement", "show", agreed.uuid, "--json").object
        #expect(shown["sender_url"] as? String == service.publicURL, "\(shown)")
        let doctor = try await service.command("doctor").output
        #expect(doctor.contains("service         ready at \(service.privateURL)/readyz"), "\(doctor)")
        // Who serves alone is who is reached.
        #expect(try await service.stop() == .code(0))
        try await second.start()
        #expect(try await service.command("doctor").output.contains("ready at \(second.privateURL)/readyz"))
        #expect(try await second.stop() == .code(0))
    }

    @Test func `two on one data directory share its work, and both go on when PostgreSQL is killed`() async throws {
        let first = try await TestService.started()
        let second = try TestService(["--public-url", first.publicURL], beside: first)
        try await second.start()
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 200) }
        try await first.agree(with: partner.url)
        var (tickets, killed) = (0, Set<Int32>())
        for _ in 0..<3 {
            for service in [first, second] {
                tickets += 1
                try await service.insist("POST", "/tickets/t\(tickets)", #"{"uuid":"t\#(tickets)"}"#)
                let other = service === first ? second : first
                try await other.insist("PUT", "/tickets/t\(tickets)", #"{"status":"open"}"#)
            }
            let postmaster = try first.postmaster
            killed.insert(postmaster)
            Glibc.kill(postmaster, SIGKILL)
        }
        for service in [first, second] {
            try await service.waitUntilReady()
            try await service.insist("PUT", "/tickets/t1", #"{"subject":"\#(service.publicPort)"}"#)
            let answered = try await service.fromDesk(
                "PUT",
                "/lenswerk/tickets/t1",
                token: TestService.token(),
                #"{"subject":"ours \#(service.publicPort)"}"#
            )
            #expect(answered.status == 200)
        }
        let survivor = try first.postmaster
        #expect(killed.count == 3 && !killed.contains(survivor))
        try await first.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        // That we accept, and what our desk has said to each of the two.
        #expect(partner.received == ["PUT a1", "PUT t1", "PUT t1"])
        let messages = "SELECT count(*) FROM audit.message WHERE ticket IS NOT NULL AND accepted AND repeats IS NULL"
        #expect(try await first.sql(messages) == "\(2 * tickets + 4)")
        try await first.command("doctor", "--all", "--private-listen", "127.0.0.1:\(second.privatePort)")
        // The last one stops PostgreSQL.
        #expect(try await first.stop() == .code(0))
        try await second.insist("PUT", "/tickets/t2", #"{"status":"solved"}"#)
        #expect(try await second.stop() == .code(0))
        #expect(!FileManager.default.fileExists(atPath: "\(first.data)/pgdata/postmaster.pid"))
    }
}

extension TestService {
    /// A partner's message, again and again until it is taken: while PostgreSQL is away the answer is 503, or none.
    fileprivate nonisolated func insist(_ method: String, _ path: String, _ body: String) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        let key = "Idempotency-Key: \(UUID())"
        while true {
            let answer = try await ask(
                method,
                "/sharing\(path)",
                token: Self.token(),
                fields: [key],
                body: body,
                at: publicPort
            )
            if let answer, (200..<300).contains(answer.status) { return }
            try #require(answer == nil || answer?.status == 503, "\(String(describing: answer))")
            try #require(.now < deadline, "not taken in a minute")
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
