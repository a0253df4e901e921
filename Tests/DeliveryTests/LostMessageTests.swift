import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// Rows that somebody has deleted from the queue.
@Suite(.schema, .timeLimit(.minutes(5)))
struct LostMessageTests {
    @Test func `a message is lost when its row is gone and nothing says how its delivery ended`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger(stateMessages: { delivery in
            Ticket(id: delivery.ticket, isShared: true, subject: "Two lenses").stateMessages(isShare: false)
        })
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.invite("lens", at: partner.url)
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        try await ledger.send(
            .inbound,
            "PUT",
            .agreements,
            "a1",
            token: agreement.token,
            body: #"{"status":"accepted"}"#
        )
        let shared = try await ledger.share("t1", under: agreement)
        let updated = try await ledger.update("t1", under: agreement, subject: "Two lenses")
        #expect(try await ledger.lost() == [])
        try await ledger.execute("DELETE FROM delivery.queue WHERE message_position = \(shared.position)")
        let lost = try await ledger.lost()
        #expect(lost.map(\.position) == [shared.position] && lost.map(\.subject) == ["a1/t1"])
        #expect(lost.map(\.type) == [.ticketShared] && lost.map(\.isForDesk) == [false])
        #expect(try await ledger.lost(from: shared.position.next) == [])
        #expect(try await ledger.lost(to: shared.position) == [])
        #expect(try await ledger.store.read { try HeadlessLanes.count(in: &$0) } == (1, 0))
        // The lane goes on when the engine starts, and what was lost stays so.
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(partner.received == ["POST a1", "PUT t1"])
        #expect(try await ledger.lost().map(\.position) == [shared.position])
        #expect(try await ledger.store.read { try HeadlessLanes.count(in: &$0) } == (0, 0))
        // What a state brought later is not lost any more, once it is on its way and once it is there.
        try await ledger.execute(
            """
            INSERT INTO delivery.replay (replay_id, mode, reason, operator, requested_at, item_count)
            VALUES (\(updated.position) + 1, 'state', 'x', 'x', now(), 1);
            """
        )
        try await ledger.execute(
            """
            INSERT INTO delivery.queue (partner_id, stream_id, share_id, queue_position, message_position, message_id,
                replay_id, enqueued_at, due_at, is_head, is_barrier, kind)
            SELECT p.partner_id, e.stream_id, e.share_id, \(updated.position) + 1, e.position, e.event_id,
                \(updated.position) + 1, now(), now() - interval '1 hour', true, false, 'message'
            FROM ledger.event AS e, projection.partner AS p
            WHERE e.position = \(updated.position)
            """
        )
        #expect(try await ledger.lost().map(\.position) == [shared.position])
        try await ledger.execute("UPDATE delivery.queue SET kind = 'state'")
        #expect(try await ledger.lost() == [])
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(try await ledger.lost() == [])
        await ledger.close()
        await partner.stop()
    }

    @Test func `a message is lost to our desk only where there was one to tell`() async throws {
        let desk = try FakePartner { _, _ in HTTPResponse(status: 201) }
        let deaf = try await TestLedger()
        try await deaf.addPartner("camera", at: "https://camera.example/sharing")
        for agreement in ["a1", "a2"] { try await deaf.invited(agreement) }
        try await deaf.answer("a1", "accepted")
        try await deaf.update("a1")
        #expect(try await deaf.lost() == [])
        await deaf.close()

        let ledger = try await TestLedger(desk: desk.url)
        let told = try await ledger.update("a1")
        try await ledger.execute("DELETE FROM delivery.queue WHERE partner_id = 0")
        #expect(try await ledger.lost().map(\.position) == [told])
        #expect(try await ledger.lost().map(\.isForDesk) == [true])
        // Of an invitation that waits the desk is not to hear; once it is accepted, of all that was said under it.
        try await ledger.invited("a3")
        try await ledger.answer("a2", "declined")
        #expect(try await ledger.lost().count == 1)
        try await ledger.answer("a3", "accepted")
        #expect(try await ledger.lost().count == 1)
        try await ledger.execute("DELETE FROM delivery.queue WHERE partner_id = 0")
        #expect(try await ledger.lost().map(\.subject) == ["a1", "a3"])
        await ledger.close()
        await desk.stop()
    }
}

extension TestLedger {
    fileprivate func lost(from: Position = .first, to: Position = Position(rawValue: .max)) async throws
        -> [LostMessage]
    {
        try await store.read { session in try LostMessage.all(in: from..<to, limit: 100, in: &session) }
    }

    /// A partner's invitation.
    fileprivate func invited(_ agreement: String) async throws {
        let body = """
            {"uuid":"\(agreement)","name":"Camera","sender_url":"https://camera.example/sharing",\
            "receiver_url":"https://us.example/sharing","access_key":"\(Self.partnerKey)","status":"pending"}
            """
        let answer = try await send(.inbound, "POST", .agreements, agreement, body: body)
        try #require(answer.status == 201)
    }

    /// Our answer to an invitation.
    fileprivate func answer(_ agreement: String, _ status: String) async throws {
        let answer = try await send(
            .outbound,
            "PUT",
            .agreements,
            agreement,
            partner: "camera",
            token: "\(agreement):\(Self.partnerKey)",
            body: #"{"status":"\#(status)"}"#
        )
        try #require(answer.status == 200)
    }

    /// A partner's change of an agreement.
    @discardableResult
    fileprivate func update(_ agreement: String) async throws -> Position {
        let answer = try await send(
            .inbound,
            "PUT",
            .agreements,
            agreement,
            token: "\(agreement):\(Self.partnerKey)",
            body: #"{"name":"\#(clock.now)"}"#
        )
        return try #require(answer.receipt).position
    }
}
