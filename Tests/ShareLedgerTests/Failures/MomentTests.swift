import Foundation
import HTTPServer
import Linux
import TestPeers
import TestSupport
import Testing

/// kill -9 at each moment of an attempt's life, and a process that is stopped past its claim; judged by what the partner saw.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct MomentTests {
    /// Answers, but to some requests only once a gate is open.
    private static func partner() throws -> (FakePartner, late: Gate) {
        let late = Gate()
        let partner = try FakePartner { _, request in
            // The first request for this ticket is the one that is waited with.
            if request.target.hasSuffix("/late") { await late.wait() }
            return HTTPResponse(status: request.method == "POST" ? 201 : 200)
        }
        return (partner, late)
    }

    @Test func `a service killed after the answer came and before it was recorded sends again, and says why`()
        async throws
    {
        let (partner, late) = try Self.partner()
        let service = try await TestService.started()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "late", agreed, #"{"uuid":"late"}"#)
        await partner.waitForRequests(2)
        try await service.hold(.ledger)
        late.open()
        // It has the answer, and waits to record it.
        try await service.waitUntilBlocked(in: "lock")
        try await service.killHard()
        try await service.letGo()
        try await service.start()
        try await service.expireClaims()
        try await service.desk("PUT", "late", agreed, #"{"status":"open"}"#)
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        #expect(partner.received.dropFirst() == ["POST late", "POST late", "PUT late"])
        try await expectUnknown(1, service)
        try await service.expectExplained(seenBy: [partner.requests])
        #expect(try await service.stop() == .code(0))
        await partner.stop()
    }

    @Test func `a service killed between claim and begin has sent nothing, and the next one sends once`() async throws {
        let attempts = Attempts()
        let partner = try FakePartner { _, request in
            guard request.target.hasSuffix("/t1"), attempts.next() == 0 else { return HTTPResponse(status: 200) }
            return HTTPResponse(status: 503)
        }
        let service = try await TestService.started(["--retry-schedule", "2s,2s,2s"])
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        try await service.database("SELECT count(*) FROM ledger.event WHERE type = 'attempt.failed'", becomes: "1")
        try await service.hold(.ledger)
        // A claim needs no lock of the ledger; what is claimed then is due again.
        let claimed = "SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL AND exchange IS NULL"
        try await service.database(claimed, becomes: "1")
        try await service.killHard()
        try await service.letGo()
        try await service.start()
        try await service.expireClaims()
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        #expect(partner.received.dropFirst() == ["POST t1", "POST t1"])
        try await expectUnknown(0, service)
        let failed = "SELECT count(*) FROM ledger.event WHERE type = 'attempt.failed'"
        #expect(try await service.database(failed) == "1")
        #expect(try await service.stop() == .code(0))
        await partner.stop()
    }

    @Test func `a service killed in its heartbeat, and the next one in its reaper, leave one unknown attempt`()
        async throws
    {
        let (partner, late) = try Self.partner()
        let service = try await TestService.started()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "late", agreed, #"{"uuid":"late"}"#)
        await partner.waitForRequests(2)
        try await service.hold(.queue)
        try await service.waitUntilBlocked(in: "SET claimed_until", within: .seconds(90))
        try await service.killHard()
        try await service.letGo()
        late.open()
        try await service.database("UPDATE delivery.queue SET claimed_until = now() + interval '10 min'")
        try await service.start()
        try await service.hold(.ledger)
        try await service.expireClaims()
        // Nothing else is to be recorded.
        try await service.waitUntilBlocked(in: "lock")
        try await service.killHard()
        try await service.letGo()
        try await service.start()
        try await service.expireClaims()
        try await service.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        #expect(partner.received.dropFirst() == ["POST late", "POST late"])
        try await expectUnknown(1, service)
        try await service.expectExplained(seenBy: [partner.requests])
        #expect(try await service.stop() == .code(0))
        await partner.stop()
    }

    @Test func `a process stopped past its claim and continued changes nothing of what another did meanwhile`()
        async throws
    {
        let (partner, late) = try Self.partner()
        let first = try await TestService.started()
        let agreed = try await first.agreement(with: partner)
        try await first.desk("POST", "late", agreed, #"{"uuid":"late"}"#)
        await partner.waitForRequests(2)
        try await first.send(SIGSTOP)
        late.open()
        let second = try TestService(["--public-url", first.publicURL], beside: first)
        try await second.start()
        try await first.expireClaims()
        try await second.desk("PUT", "late", agreed, #"{"status":"open"}"#)
        try await second.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        try await first.send(SIGCONT)
        // The answer that waited for it is recorded late.
        let recordedLate = """
            SELECT count(*)
            FROM ledger.event AS u
            JOIN ledger.event AS s ON s.exchange = u.exchange AND s.type = 'attempt.succeeded'
            WHERE u.type = 'attempt.unknown'
            """
        try await first.database(recordedLate, becomes: "1")
        try await first.waitUntilReady()
        try await first.desk("PUT", "late", agreed, #"{"status":"solved"}"#)
        try await first.database("SELECT count(*) FROM delivery.queue", becomes: "0")
        #expect(partner.received.dropFirst() == ["POST late", "POST late", "PUT late", "PUT late"])
        try await expectUnknown(1, first)
        try await first.expectExplained(seenBy: [partner.requests])
        #expect(try await first.stop() == .code(0))
        #expect(try await second.stop() == .code(0))
        await partner.stop()
    }

    private func expectUnknown(
        _ count: Int,
        _ service: TestService,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let question = "SELECT count(*) FROM ledger.event WHERE type = 'attempt.unknown'"
        #expect(try await service.database(question) == "\(count)", sourceLocation: sourceLocation)
    }
}
