import Delivery
import HTTPClient
import HTTPServer
import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct AttemptTests {
    @Test func `no byte leaves before its attempt is committed`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        // Another connection sees only what is committed.
        partner.setScript { _, request in
            let key = request.headers.first("Idempotency-Key") ?? ""
            let begun = try? await ledger.value(
                """
                SELECT q.exchange::text
                FROM ledger.event AS e
                JOIN delivery.queue AS q ON q.exchange = e.exchange
                WHERE e.type = 'attempt.begun'
                    AND e.about = \(key)::uuid
                    AND q.attempts = e.attempt
                """
            )
            return HTTPResponse(status: begun?.isEmpty == false ? 201 : 500)
        }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        for number in 0..<20 {
            try await ledger.share("t\(number)", under: agreement)
        }
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(partner.requests.count == 20)
        #expect(try await ledger.events(.attemptSucceeded).map(\.event.status) == Array(repeating: 201, count: 20))
        await ledger.close()
        await partner.stop()
    }

    @Test func `both events of an attempt say what was sent, where to, and what came back`() async throws {
        let partner = try FakePartner { _, request in
            HTTPResponse(
                status: 201,
                contentType: "application/json",
                headers: [
                    HTTPResponse.Field(name: "X-Echo", value: request.headers.first("X-Ticket-Sharing-Token") ?? "")!
                ],
                text: #"{"uuid":"t1","echo":"\#(TestLedger.partnerKey)"}"#,
            )
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let message = try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let events = try await ledger.events(.attemptBegun, .attemptSucceeded)
        try #require(events.count == 2)
        for event in events.map(\.event) {
            #expect(event.stream == .agreement("a1"))
            #expect(event.ticket == "t1")
            #expect(event.about == message.event)
            #expect(event.direction == .outbound)
            #expect(event.attempt == 1)
            #expect(event.exchange != nil && event.exchange == events[0].event.exchange)
        }
        let (begun, end) = (events[0], events[1])
        #expect(begun.event.status == nil)
        #expect(end.event.status == 201)
        #expect(begun.text(.requestLine) == "POST /sharing/tickets/t1 HTTP/1.1")
        #expect(
            begun.text(.sentHeaders) == """
                Host: 127.0.0.1:\(partner.port)
                Accept: application/json
                Content-Type: application/json
                X-Ticket-Sharing-Token: a1:[secret]
                X-Ticket-Sharing-Version: 1
                User-Agent: ShareLedger/test
                Idempotency-Key: \(message.event)
                Content-Length: \(partner.requests[0].body.count)

                """
        )
        #expect(begun.parts[.sentBody] == nil)
        #expect(begun.text(.facts) == #"{"v":1,"destination":"partner","message":\#(message.position)}"#)
        #expect(
            begun.text(.detail)
                == #"{"v":1,"partner":"lens","url":"\#(partner.url)/tickets/t1","address":"127.0.0.1:\#(partner.port)"}"#
        )
        #expect(end.text(.answerBody) == #"{"uuid":"t1","echo":"[secret]"}"#)
        #expect(end.text(.answerHeaders).contains("X-Echo: a1:[secret]\n"))
        let length = #"{"uuid":"t1","echo":"\#(TestLedger.partnerKey)"}"#.utf8.count
        #expect(
            end.text(.facts)
                == #"{"v":1,"destination":"partner","message":\#(message.position),"class":"delivered","answer_length":\#(length)}"#
        )
        #expect(end.text(.detail).contains(#""address":"127.0.0.1:\#(partner.port)""#))
        #expect(end.text(.detail).contains(#""total_ms":"#))
        let headers = partner.requests[0].headers
        #expect(headers.first("X-Ticket-Sharing-Token") == agreement.token)
        await ledger.close()
        await partner.stop()
    }

    @Test func `an answer is kept up to a bound, and whatever follows a 2xx counts as delivered`() async throws {
        let partner = try FakePartner { number, _ in
            HTTPResponse(
                status: 200,
                contentType: "text/plain",
                body: [UInt8](repeating: UInt8(ascii: "x"), count: number == 0 ? 3000 : 40_000),
            )
        }
        let ledger = try await TestLedger { settings in
            settings.limits.keptBodyByteCount = 1000
            settings.limits.maximumBodyByteCount = 10_000
        }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.update("t1", under: agreement, subject: "answered at length")
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let ends = try await ledger.events(.attemptSucceeded)
        #expect(ends.count == 2)
        #expect(ends.map { $0.parts[.answerBody]?.content.count } == [1000, 1000])
        #expect(ends[0].text(.facts).contains(#""answer_length":3000"#))
        // Of all 3000 bytes, as sha256sum has it.
        let digest = "e1630f843370f402870799e14abbf2b06af2d23b0153658e1211dffabc61ad8f"
        #expect(ends[0].text(.detail).contains(#""answer_sha256":"\#(digest)""#))
        #expect(ends[1].text(.detail).contains("too large"))
        #expect(!ends[1].text(.detail).contains("answer_sha256"), "nobody knows all of it")
        #expect(partner.requests.count == 2)
        await ledger.close()
        await partner.stop()
    }

    @Test func `an unshared ticket is deleted at the partner, and already gone is good enough`() async throws {
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "DELETE" ? 404 : 201) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.ticket("t1", "DELETE", under: agreement, body: "")
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        #expect(partner.received == ["POST t1", "DELETE t1"])
        let last = try #require(try await ledger.events(.attemptSucceeded).last)
        #expect(last.event.status == 404)
        #expect(last.text(.facts).contains(#""class":"gone""#))
        await ledger.close()
        await partner.stop()
    }

    @Test func `a message whose body was erased is parked, and nothing is sent of it`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let message = try await ledger.share("t1", under: agreement)
        try await ledger.store.erase([(message.position, "body")])
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(parked[0].text(.detail).contains("the message's body was erased"))
        }
        #expect(partner.requests.isEmpty)
        #expect(try await ledger.events(.attemptBegun).isEmpty)
        await ledger.close()
        await partner.stop()
    }
}
