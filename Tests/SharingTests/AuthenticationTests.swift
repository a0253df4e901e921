import Ledger
import Sharing
import TestRequests
import Testing
import TicketSharing

@Suite struct AuthenticationTests {
    private static let requests: [(String, String, String)] = [
        ("PUT", "/agreements/a1", #"{"name":"x"}"#),
        ("GET", "/agreements/a1", ""),
        ("POST", "/tickets/t2", #"{"uuid":"t2"}"#),
        ("PUT", "/tickets/t1", #"{"status":"x"}"#),
        ("GET", "/tickets/t1", ""),
        ("DELETE", "/tickets/t1", ""),
    ]

    @Test(arguments: requests)
    func `without a token the answer is 401 with a challenge`(method: String, path: String, body: String) throws {
        var ledger = try MemoryLedger.withTicket()
        for token in [nil, "", "   "] {
            let answer = ledger.answer(.inbound(method, path, token: token, body))
            #expect(answer.status == 401)
            let challenge = answer.fault?.headers().first
            #expect(challenge == HeaderField("WWW-Authenticate", "X-Ticket-Sharing"))
        }
    }

    @Test(arguments: requests)
    func `wrong and malformed tokens, unknown agreements and foreign tickets get one and the same 403`(
        method: String,
        path: String,
        body: String,
    ) throws {
        var ledger = try MemoryLedger.withTicket()
        _ = ledger.answer(.invitation("a2", key: "another-key-of-a2"))
        _ = ledger.answer(.deskSets("accepted", of: "a2", with: "partner", key: "another-key-of-a2"))
        let key = TestRequest.key
        var tokens = [
            "a1:\(key)x", "a1:\(key.dropLast())", "a1:", "a1", ":\(key)", "a1 \(key)", "a1:\(key) x", "A1:\(key)",
            "a1/:\(key)", "nowhere:\(key)", "a1:another-key-of-a2", "a1:\(String(repeating: "k", count: 256))",
            "\u{E9}:\(key)",
        ]
        if method != "POST" { tokens.append("a2:another-key-of-a2") }
        for token in tokens {
            let answer = ledger.answer(.inbound(method, path, token: token, body))
            #expect(answer.fault == .notAuthorized, "\(token)")
        }
        var twice = TestRequest.inbound(method, path, token: "a1:\(key)", body)
        twice.fields = [("x-ticket-sharing-token", "a1:\(key)")]
        #expect(ledger.answer(twice).fault == .notAuthorized)
    }

    @Test func `a ticket of another agreement is 403, as if the token were wrong, and an unknown one 404`() throws {
        var ledger = try MemoryLedger.withTicket()
        _ = ledger.answer(.invitation("a2"))
        _ = ledger.answer(.deskSets("accepted", of: "a2", with: "partner"))
        for method in ["PUT", "DELETE", "GET"] {
            let body = method == "PUT" ? "{}" : ""
            #expect(
                ledger.answer(.message(.inbound, method, "/tickets/t1", body, agreement: "a2")).fault == .notAuthorized
            )
            #expect(
                ledger.answer(.message(.inbound, method, "/tickets/t9", body, agreement: "a2")).fault == .unknownTicket
            )
        }
    }

    @Test func `the name of the token's field may be written in any case, and blanks around its value are none of it`()
        throws
    {
        var ledger = try MemoryLedger.withTicket()
        var request = TestRequest.inbound("PUT", "/tickets/t1", #"{"status":"x"}"#)
        request.fields = [("x-TICKET-sharing-TOKEN", " \ta1:\(TestRequest.key) ")]
        #expect(ledger.answer(request).status == 200)
    }

    @Test func `a request of the desk is for a partner that is there, is accepted, and has that agreement`() throws {
        var ledger = try MemoryLedger.withTicket()
        _ = ledger.answer(.invitation("a9", from: "https://stranger.example/"))
        let second = PartnerSettings(name: "second", url: try BaseURL("https://second.example/"))
        try ledger.accept(second)
        let token = "a1:\(TestRequest.key)"
        func put(_ partner: String) -> TestRequest {
            .outbound("PUT", "/tickets/t1", to: partner, token: token, #"{"status":"y"}"#)
        }
        #expect(ledger.answer(put("nobody")).status == 404)
        #expect(ledger.answer(put("second")).fault == .notAuthorized)
        let proposed = ledger.answer(put("proposed-stranger-example"))
        #expect(proposed.status == 403)
        #expect(proposed.fault?.detail.contains("partner add NAME --url https://stranger.example/") == true)
        #expect(ledger.answer(put("partner")).status == 200)
        // Who is refused so learns nothing of what he sent.
        #expect(ledger.answer(put("no-such-name")).fault?.detail.contains("no-such-name") == false)
    }

    @Test func `a command of our own needs no token, but an agreement that is there`() throws {
        var ledger = try MemoryLedger.withPartner()
        _ = ledger.answer(.invitation("a1"))
        let accept = TestRequest.outbound("PUT", "/agreements/a1", to: "partner", #"{"status":"accepted"}"#)
        #expect(ledger.answer(accept, operator: "ops").status == 200)
        #expect(ledger.lastText(.detail)?.contains(#""operator":"ops""#) == true)
        #expect(ledger.lastText(.detail)?.contains("source") == false)
        let other = TestRequest.outbound("PUT", "/agreements/a2", to: "partner", #"{"status":"accepted"}"#)
        #expect(ledger.answer(other, operator: "ops").status == 404)
        // The same request from the desk has to have one.
        #expect(ledger.answer(accept).status == 401)
    }

    @Test func `what fails authentication is recorded in the stream unattributed`() throws {
        var ledger = try MemoryLedger.withTicket()
        _ = ledger.answer(.inbound("PUT", "/tickets/t1", token: "a1:wrong-wrong", #"{"subject":"x"}"#))
        let event = try #require(ledger.events.last)
        #expect(event.leaf.stream == .unattributed)
        #expect(event.leaf.type == .messageRefused && event.leaf.status == 403 && event.leaf.ticket == nil)
        #expect(ledger.lastText(.headers)?.contains("a1:[secret]") == true)
        #expect(ledger.lastText(.facts) == #"{"v":1,"error":"not_authorized","ticket":"t1"}"#)
    }
}
