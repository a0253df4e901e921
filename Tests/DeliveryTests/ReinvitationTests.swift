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

/// What waits of an invitation that was declined when another one takes its place.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReinvitationTests {
    private static let strangerKey = "stranger-key-0123456789"

    @Test(arguments: [false, true])
    func `a refusal that was not delivered is given up, and never sent under the new key`(isParked: Bool) async throws {
        let partner = try FakePartner()
        let desk = try FakePartner { _, _ in HTTPResponse(status: 201) }
        let ledger = try await TestLedger(desk: desk.url)
        try await ledger.addPartner("lens", at: partner.url)
        // Nobody proves a sender URL: a stranger may have used the partner's.
        try await ledger.invited(by: partner.url, key: Self.strangerKey)
        let refusal = try await ledger.set("declined", key: Self.strangerKey)
        if isParked {
            try await ledger.execute("UPDATE delivery.queue SET state = 'parked', reason = 'the answer was 403'")
        }
        try await ledger.invited(by: partner.url, key: TestLedger.partnerKey)
        let acceptance = try await ledger.set("accepted", key: TestLedger.partnerKey)
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let abandoned = try await ledger.events(.deliveryAbandoned)
        #expect(abandoned.map(\.event.about) == [refusal.event])
        #expect(abandoned.first?.text(.detail).contains("it is of an invitation that was declined") == true)
        let delivered = try await ledger.events(.attemptSucceeded)
        #expect(delivered.compactMap(\.event.about).contains(acceptance.event))
        #expect(partner.received == ["PUT a1"])
        #expect(
            partner.requests.map { String(decoding: $0.body, as: UTF8.self) } == [#"{"status":"accepted"}"#]
        )
        #expect(partner.requests.map { $0.headers.first("X-Ticket-Sharing-Token") } == ["a1:\(TestLedger.partnerKey)"])
        // Our desk hears of the invitation that was accepted, not of the one that was declined.
        #expect(desk.received == ["POST a1"])
        let size = Position(rawValue: .max)
        #expect(try await ledger.store.read { try LostMessage.all(in: .first..<size, limit: 9, in: &$0) } == [])
        await ledger.close()
        await partner.stop()
        await desk.stop()
    }
}

extension TestLedger {
    fileprivate func invited(by url: String, key: String) async throws {
        let body = """
            {"uuid":"a1","name":"Lens","sender_url":"\(url)","receiver_url":"https://us.example/sharing",\
            "access_key":"\(key)","status":"pending"}
            """
        let answer = try await send(.inbound, "POST", .agreements, "a1", body: body)
        try #require(answer.status == 201, "\(String(describing: answer.fault))")
    }

    fileprivate func set(_ status: String, key: String) async throws -> Receipt {
        let answer = try await send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "lens",
            token: "a1:\(key)",
            body: #"{"status":"\#(status)"}"#
        )
        return try #require(answer.receipt)
    }
}
