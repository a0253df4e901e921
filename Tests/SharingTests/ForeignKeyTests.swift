import Ledger
import Sharing
import TestRequests
import Testing
import TicketSharing

/// Access keys where nobody looks for one: what is stored holds none of them.
@Suite struct ForeignKeyTests {
    private let other = "d41c0ffee5a69788796a5b4c3d2e1f00deadbeef"

    /// A ledger with a ticket under `a1`, and an agreement `a2` with the key ``other``.
    private func ledger() throws -> MemoryLedger {
        var ledger = try MemoryLedger.withTicket()
        #expect(ledger.answer(.invitation("a2", key: other)).status == 201)
        return ledger
    }

    private func stored(_ ledger: MemoryLedger) -> String {
        ledger.events.flatMap(\.draft.parts).map { String(decoding: $0.content, as: UTF8.self) }.joined(separator: "\n")
    }

    private var escaped: String { other.utf8.map { "%" + String($0, radix: 16) }.joined() }
    private var unicode: String { "\\u00" + String(other.utf8.first!, radix: 16) + other.dropFirst() }

    @Test func `a key of any agreement is cut out of a refused request, wherever it stands`() throws {
        var ledger = try ledger()
        let wrong = "a1:some-wrong-key-0123456789"
        let requests: [TestRequest] = [
            .inbound("PUT", "/tickets/\(other)", token: wrong, #"{"status":"x"}"#),
            .inbound("GET", "/tickets/\(other)"), .inbound("GET", "/agreements/\(other)", token: wrong),
            .inbound("PUT", "/tickets/\(escaped)", #"{"status":"x"}"#), .inbound("GET", "/elsewhere/\(other).json"),
            .inbound("\(other)", "/tickets/t1", token: wrong),
            .inbound("GET", "/tickets/t1", token: wrong).with("Referer", "https://x.example/\(other)?a=\(escaped)"),
            .inbound("GET", "/tickets/t1", token: wrong).with("X-\(other)", "v").with("X-Note", "a2:\(other)"),
            .inbound("PUT", "/tickets/t1", token: wrong, #"{"status":"x","\#(other)":[{"\#(unicode)":1}]}"#),
            .inbound("PUT", "/tickets/t1", token: wrong, #"not JSON at all \#(other)"#),
            .update("t9", under: "a1", #"{"subject":"the key is \#(other), or \#(unicode)"}"#),
            .inbound("PUT", "/tickets/\(other)", token: "a1:\(TestRequest.key)", #"{"status":"x"}"#),
            .inbound("POST", "/agreements/\(other)", #"{"uuid":"\#(other)"}"#),
        ]
        let count = ledger.events.count
        for request in requests { #expect(ledger.answer(request).fault != nil) }
        #expect(ledger.events.count == count + requests.count)
        let text = stored(ledger)
        for spelling in [other, escaped, unicode] { #expect(!text.contains(spelling), "\(spelling)") }
        #expect(
            text.contains("https://x.example/[secret]?a=[secret]") && text.contains(#""[secret]":[{"[secret]":1}]"#)
        )
    }

    @Test func `who shows no right is not told that he has hit upon a key`() throws {
        var ledger = try ledger()
        for path in ["/tickets/\(other)", "/tickets/\(other.reversed().map(String.init).joined())"] {
            #expect(ledger.answer(.inbound("GET", path, token: "a1:wrong")).fault == .notAuthorized)
            #expect(ledger.answer(.inbound("GET", path)).fault == .tokenMissing)
        }
    }

    @Test func `of an accepted message the head holds no key of another agreement`() throws {
        var ledger = try ledger()
        let update = TestRequest.update("t1", under: "a1", #"{"status":"hold"}"#).with("Referer", "https://x/\(other)")
        #expect(ledger.answer(update).status == 200)
        #expect(!stored(ledger).contains(other))
        #expect(ledger.lastText(.headers)?.contains("Referer: https://x/[secret]") == true)
    }

    @Test(arguments: [
        ("Authorization", "Bearer KEY"), ("X-Api-Key", "KEY"), ("Cookie", "a=b; session=KEY"),
        ("X-Auth-Token", "a1:KEY"),
    ])
    func `what a field presents as a credential is cut out of the rest, known or not`(name: String, value: String)
        throws
    {
        var ledger = try ledger()
        let key = "5ecre7-of-somebody-else"
        let body = #"{"subject":"\#(key)"}"#
        let request = TestRequest.inbound("PUT", "/tickets/t1?k=\(key)", body)
            .with(name, value.replacing("KEY", with: key)).with("Referer", "https://x/\(key)")
        #expect(ledger.answer(request).fault != nil)
        #expect(!stored(ledger).contains(key))
        #expect(ledger.lastText(.body) == #"{"subject":"[secret]"}"#)
    }

    @Test func `a uuid that a field repeats is no secret, unless it is presented as one`() throws {
        var ledger = try ledger()
        let ticket = "ed46838bfb41461e4f3b16ba471162c8e2764260"
        #expect(ledger.answer(.share(ticket, under: "a1").with("X-Session-Key", ticket)).status == 201)
        let presented = TestRequest.inbound("GET", "/tickets/\(ticket)1").with("Authorization", "Bearer \(ticket)1")
        #expect(ledger.answer(presented).fault == .tokenMissing)
        #expect(!stored(ledger).contains("\(ticket)1"))
    }

    @Test func `a body with more that could be a key than can be looked at is cut, and its beginning looked at`() throws
    {
        var ledger = try ledger()
        let many = (0..<5000).map { "\($0)-0123456789abcdef" }.joined(separator: " ")
        let start = String(repeating: "x", count: 4060)
        let body = #"{"note":"\#(start) \#(other) \#(many)"}"#
        #expect(ledger.answer(.update("t9", under: "a1", body)).fault == .unknownTicket)
        #expect(ledger.lastText(.body).map(\.utf8.count) == 4096)
        #expect(!stored(ledger).contains(other.prefix(12)))
        #expect(ledger.lastText(.facts)?.contains("commitment") == true)
    }
}
