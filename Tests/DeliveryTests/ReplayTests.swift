import Delivery
import HTTPServer
import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayTests {
    @Test func `messages go out again in order, and what is there already counts as delivered`() async throws {
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 422 : 200) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let messages = [
            try await ledger.share("t1", under: agreement),
            try await ledger.update("t1", under: agreement, subject: "newer"),
        ]
        try await ledger.replay(kind: "message")
        try await ledger.withEngine { _ in
            let finished = try await ledger.events(.replayFinished, count: 1)
            #expect(finished[0].text(.facts) == #"{"v":1,"replay":0,"items":2,"delivered":2}"#)
            #expect(finished[0].event.stream == .system)
        }
        #expect(partner.received == ["POST t1", "PUT t1"])
        #expect(partner.requests.map { $0.headers.first("ShareLedger-Replay-Of") } == messages.map { "\($0.event)" })
        let ends = try await ledger.events(.attemptSucceeded)
        #expect(ends.map { $0.text(.facts).contains(#""class":"exists""#) } == [true, false])
        #expect(ends.allSatisfy { $0.text(.facts).contains(#""replay":0"#) })
        #expect(try await ledger.value("SELECT (finished_at IS NOT NULL)::text FROM delivery.replay") == "true")
        await ledger.close()
        await partner.stop()
    }

    @Test func `a message that is no replay is refused by what exists`() async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: 422) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in _ = try await ledger.events(.deliveryParked, count: 1) }
        await ledger.close()
        await partner.stop()
    }

    @Test func `a state goes out as several requests, the first by the method that the partner needs`() async throws {
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 422 : 200) }
        let ledger = try await TestLedger(stateMessages: { delivery in
            #expect(delivery.ticket.text == "t1")
            #expect(delivery.replay == Position(rawValue: 0))
            return try Self.stateMessages(of: delivery.ticket, comments: 3)
        })
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.replay(kind: "state")
        try await ledger.withEngine { _ in _ = try await ledger.events(.replayFinished, count: 1) }
        #expect(partner.received == ["POST t1", "PUT t1", "PUT t1", "PUT t1"])
        let events = try await ledger.events(.attemptBegun, .attemptFailed, .attemptSucceeded)
        #expect(
            events.map(\.event.type) == [
                .attemptBegun, .attemptFailed, .attemptBegun, .attemptSucceeded,
                .attemptBegun, .attemptSucceeded, .attemptBegun, .attemptSucceeded,
            ]
        )
        #expect(events.map(\.event.attempt) == [1, 1, 2, 2, 3, 3, 4, 4])
        #expect(events[1].text(.facts).contains(#""class":"other-method""#))
        // The same bytes by the other method, and each body in the ledger.
        let bodies = partner.requests.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(bodies[0] == bodies[1])
        #expect(events.filter { $0.event.type == .attemptBegun }.map { $0.text(.sentBody) } == bodies)
        #expect(Set(partner.requests.compactMap { $0.headers.first("Idempotency-Key") }).count == 4)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a state of which nothing is left to be sent is abandoned`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger(stateMessages: { _ in [] })
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.replay(kind: "state")
        try await ledger.withEngine { _ in
            let finished = try await ledger.events(.replayFinished, count: 1)
            #expect(finished[0].text(.facts) == #"{"v":1,"replay":0,"items":1,"delivered":0}"#)
        }
        #expect(try await ledger.events(.deliveryAbandoned).count == 1)
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a state that neither method brings over is parked`() async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: 404) }
        let ledger = try await TestLedger(stateMessages: { try Self.stateMessages(of: $0.ticket, comments: 1) })
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.replay(kind: "state")
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(parked[0].event.attempt == 2)
        }
        #expect(partner.received == ["POST t1", "PUT t1"])
        #expect(try await ledger.events(.replayFinished).isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a state that fails half-way begins anew, as one try`() async throws {
        let partner = try FakePartner { number, _ in HTTPResponse(status: number == 1 ? 503 : 200) }
        let ledger = try await TestLedger(stateMessages: { try Self.stateMessages(of: $0.ticket, comments: 2) })
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.replay(kind: "state")
        try await ledger.withEngine { engine in
            _ = try await ledger.events(.attemptFailed, count: 1)
            #expect(
                try await ledger.value("SELECT concat_ws(' ', attempts, tries, claim) FROM delivery.queue") == "2 1"
            )
            ledger.clock.advance(by: .seconds(6))
            engine.wake()
            _ = try await ledger.events(.replayFinished, count: 1)
        }
        #expect(partner.received == ["POST t1", "PUT t1", "POST t1", "PUT t1"])
        await ledger.close()
        await partner.stop()
    }

    private static func stateMessages(of id: TicketID, comments: Int) throws -> [StateMessage] {
        let author = #"{"uuid":"u1","name":"Åsa"}"#
        let members = (0..<comments).map { #"{"uuid":"c\#($0)","body":"\#($0)","author":\#(author)}"# }
        let body = #"{"uuid":"\#(id.text)","subject":"A lens","comments":[\#(members.joined(separator: ","))]}"#
        let message = try TicketMessage(try JSONDocument(parsing: Array(body.utf8)), isShare: true, id: id)
        var ticket = Ticket(id: id)
        ticket.apply(.share(message), by: .sender, under: .all)
        return ticket.stateMessages(
            isShare: true,
            limits: Ticket.StateMessageLimits(maximumByteCount: 1_000_000, maximumCommentCount: 1),
        )
    }
}

extension TestLedger {
    /// Makes what is in the queue a replay of itself, by the event at position 0.
    fileprivate func replay(kind: String) async throws {
        try await execute(
            """
            INSERT INTO delivery.replay (replay_id, mode, reason, operator, requested_at, item_count)
            SELECT 0, \(kind == "state" ? "state" : "messages"), 'test', 'test', now(), count(*)
            FROM delivery.queue
            """
        )
        try await execute("UPDATE delivery.queue SET replay_id = 0, item = delivery_id, kind = \(kind)")
    }
}
