import JSON
import Ledger
import LedgerStore
import Postgres
import Projections
import Replay
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct StateReplayTests {
    private func messages(
        _ ledger: TestLedger,
        _ ticket: String,
        under agreement: TestAgreement,
        limits: Ticket.StateMessageLimits = Ticket.StateMessageLimits(),
    ) async throws -> [StateMessage] {
        let id = try #require(TicketID(ticket))
        return try await ledger.store.read { session in
            try StateReplay.messages(agreement: agreement.id, ticket: id, to: .partner, limits: limits, in: &session)
        }
    }

    /// What a partner without the ticket holds after these messages.
    private func received(_ messages: [StateMessage], _ id: String) throws -> Ticket {
        var ticket = Ticket(id: try #require(TicketID(id)), isShared: true)
        for message in messages {
            let isShare = message.method == .post
            let body = try TicketMessage(JSONDocument(parsing: message.body), isShare: isShare, id: ticket.id)
            ticket.apply(isShare ? .share(body) : .update(body), by: .sender, under: .all)
        }
        return ticket
    }

    @Test func `a ticket with 2,500 comments is split, and the parts are the ticket again`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        func comments(_ range: Range<Int>) -> String {
            let all = range.map {
                #"{"uuid":"c\#($0)","body":"Comment \#($0): \"Ü\u0001\" 𝄞","public":\#($0 % 3 > 0),"extra":[1,{"a":null}]}"#
            }
            return "[\(all.joined(separator: ","))]"
        }
        let first = """
            {"uuid":"t1","subject":"Many","status":"open","tags":["a","b"],"custom_fields":{"x":1e400},"other":"\\u0000",\
            "requester":{"uuid":"r","name":"R"},"comments":\(comments(0..<1000))}
            """
        try await ledger.ticket("POST", "t1", under: agreement, body: first)
        try await ledger.ticket("PUT", "t1", under: agreement, body: #"{"comments":\#(comments(900..<1900))}"#)
        try await ledger.ticket(
            "PUT",
            "t1",
            under: agreement,
            .inbound,
            body: #"{"comments":\#(comments(1900..<2500))}"#
        )
        let sent = try await messages(ledger, "t1", under: agreement)
        #expect(sent.map(\.method) == [.put, .put, .put] && sent.allSatisfy { !$0.exceedsLimit })
        #expect(sent.map(\.comments.count) == [1000, 1000, 500])
        let held = try await ledger.store.read { session in
            try Reconstructor.share(agreement: agreement.id, ticket: #require(TicketID("t1")), in: &session)
        }
        let ticket = try #require(held?.ticket)
        #expect(ticket.comments.count == 2500)
        #expect(try received(sent, "t1").encoded() == ticket.encoded())
        // Within any limits, and sent twice, it is still the same ticket.
        let small = try await messages(
            ledger,
            "t1",
            under: agreement,
            limits: .init(maximumByteCount: 20_000, maximumCommentCount: 70)
        )
        #expect(small.allSatisfy { $0.body.count <= 20_000 && $0.comments.count <= 70 } && small.count >= 36)
        #expect(try received(sent + small, "t1").encoded() == ticket.encoded())
        await ledger.close()
    }

    @Test func `the first message is a POST exactly where the partner is not known to hold the ticket`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        func method(_ ticket: String) async throws -> RequestMethod? {
            try await messages(ledger, ticket, under: agreement).first?.method
        }
        try await ledger.share("t1", under: agreement)
        #expect(try await method("t1") == .post)
        try await ledger.deliverAll()
        #expect(try await method("t1") == .put)
        try await ledger.ticket("DELETE", "t1", under: agreement)
        #expect(try await method("t1") == nil)
        try await ledger.deliverAll()
        try await ledger.share("t1", under: agreement)
        #expect(try await method("t1") == .post)
        // An answer of the partner's own shows that it holds the ticket.
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        #expect(try await method("t1") == .put)
        await ledger.close()
    }

    @Test func `a receiver never shares the sender's ticket`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree(weSend: false)
        try await ledger.share("t1", under: agreement, .inbound)
        #expect(try await messages(ledger, "t1", under: agreement).map(\.method) == [.put])
        #expect(try await messages(ledger, "t2", under: agreement).isEmpty)
        await ledger.close()
    }

    @Test func `what is erased is not sent as if it were empty`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let erased = try await ledger.update("t1", "gone", under: agreement)
        try await ledger.update("t1", "stays", under: agreement)
        try await ledger.store.erase([(erased.position, "body")])
        let sent = try await messages(ledger, "t1", under: agreement)
        #expect(sent.flatMap(\.comments).map(\.text) == ["t1-c0", "t1-stays"])
        #expect(try received(sent, "t1").subject == "stays")
        await ledger.close()
    }

    @Test func `a state that altered bytes have a share in is not made, and the part is named`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let altered = try await ledger.update("t1", "told", under: agreement)
        try await ledger.alterBody(of: altered)
        let error = await #expect(throws: PartFault.self) { try await messages(ledger, "t1", under: agreement) }
        #expect(error == PartFault(PartPlace(altered.position, .body), .altered))
        await ledger.close()
    }
}
