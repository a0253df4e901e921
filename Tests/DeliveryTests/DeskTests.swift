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
struct DeskTests {
    @Test func `what a partner sends reaches our desk, with the URLs and the token that the desk knows`() async throws {
        let desk = try FakePartner { _, _ in HTTPResponse(status: 201) }
        let ledger = try await TestLedger(desk: desk.url)
        try await ledger.addPartner("camera", at: "https://camera.example/sharing")
        let invitation = """
            {"uuid":"a1","name":"Camera","sender_url":"https://camera.example/sharing",\
            "receiver_url":"https://us.example/sharing","access_key":"\(TestLedger.partnerKey)","status":"pending"}
            """
        try await ledger.send(.inbound, "POST", .agreements, "a1", body: invitation)
        let agreement = TestAgreement(partner: "camera", id: try #require(AgreementID("a1")))
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "camera",
            token: agreement.token,
            body: #"{"status":"accepted"}"#
        )
        try await ledger.execute("DELETE FROM delivery.queue WHERE partner_id <> 0")
        let shared = try await ledger.send(
            .inbound,
            "POST",
            .tickets,
            "t1",
            token: agreement.token,
            body: #"{"uuid":"t1","subject":"A lens","status":"open"}"#
        )
        #expect(shared.status == 201)
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(desk.received == ["POST a1", "POST t1"])
        #expect(desk.requests.map { $0.headers.first("X-Ticket-Sharing-Token") } == [nil, agreement.token])
        let expected =
            invitation
            .replacing("https://camera.example/sharing", with: "http://127.0.0.1:8411/to/camera")
            .replacing("https://us.example/sharing", with: desk.url)
        #expect(String(decoding: desk.requests[0].body, as: UTF8.self) == expected)
        let begun = try await ledger.events(.attemptBegun)
        #expect(begun.map(\.event.direction) == [.inbound, .inbound])
        #expect(begun[0].text(.sentBody) == expected.replacing(TestLedger.partnerKey, with: "[secret]"))
        #expect(begun[0].text(.facts).contains(#""destination":"desk""#))
        #expect(begun[1].parts[.sentBody] == nil)
        await ledger.close()
        await desk.stop()
    }

    @Test func `an invitation that came with a token reaches our desk with it`() async throws {
        let desk = try FakePartner { _, _ in HTTPResponse(status: 201) }
        let ledger = try await TestLedger(desk: desk.url)
        try await ledger.addPartner("rt", at: "https://rt.example/sharing") { $0.dialect = .rt }
        let invitation = """
            {"uuid":"a1","name":"RT","sender_url":"https://rt.example/sharing",\
            "receiver_url":"https://us.example/sharing","access_key":"\(TestLedger.partnerKey)","status":"pending"}
            """
        try await ledger.send(
            .inbound,
            "POST",
            .agreements,
            "a1",
            token: "a1:\(TestLedger.partnerKey)",
            body: invitation
        )
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue") == "0")
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "rt",
            token: "a1:\(TestLedger.partnerKey)",
            body: #"{"status":"accepted"}"#
        )
        try await ledger.execute("DELETE FROM delivery.queue WHERE partner_id <> 0")
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(desk.requests.first?.headers.first("X-Ticket-Sharing-Token") == "a1:\(TestLedger.partnerKey)")
        await ledger.close()
        await desk.stop()
    }
}
