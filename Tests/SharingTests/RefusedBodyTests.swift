import Cryptography
import Foundation
import Ledger
import Sharing
import TestRequests
import Testing
import TicketSharing

/// How much of a refused request's body is kept.
@Suite struct RefusedBodyTests {
    private let long = #"{"uuid":"t2","note":"\#(String(repeating: "x", count: 9000))"}"#

    private func object(_ name: PartName, _ ledger: MemoryLedger) throws -> [String: Any] {
        let text = try #require(ledger.lastText(name))
        return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// Whether the event's facts and detail vouch for a whole body of which only the beginning is kept.
    private func expectCut(_ whole: String, _ ledger: MemoryLedger) throws {
        #expect(ledger.lastText(.body) == String(whole.prefix(4096)))
        let facts = try #require(try object(.facts, ledger)["body"] as? [String: Any])
        #expect(facts["length"] as? Int == whole.utf8.count)
        let salt = try #require(try object(.detail, ledger)["body_salt"] as? String)
        var sha256 = SHA256()
        let saltBytes = try #require(bytes(of: salt))
        let part = Part(.body, Array(whole.utf8), salt: saltBytes, with: &sha256)
        #expect(facts["commitment"] as? String == hexadecimal(part.commitment.bytes))
    }

    private func bytes(of digits: String) -> [UInt8]? {
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count, by: 2).reduce([UInt8]?([])) { bytes, index in
            let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
            return byte.flatMap { byte in bytes.map { $0 + [byte] } }
        }
    }

    @Test func `of a stranger the beginning is kept, and what the whole can be recognised by`() throws {
        var ledger = try MemoryLedger()
        #expect(ledger.answer(.inbound("PUT", "/tickets/t2", token: "a1:\(TestRequest.key)", long)).status == 403)
        try expectCut(long, ledger)
    }

    @Test func `of a partner all is kept as far as there is room, then it is cut as a stranger's`() throws {
        var ledger = try MemoryLedger.withTicket()
        let update = TestRequest.update("t2", under: "a1", long)
        let roomy = IntakeBounds(mayRecordRefusal: { true }, mayKeepBody: { $0 == long.utf8.count })
        #expect(ledger.answer(update, within: roomy).status == 404)
        #expect(ledger.lastText(.body) == long)
        #expect(try object(.facts, ledger)["body"] == nil)
        #expect(try object(.detail, ledger)["body_salt"] == nil)
        let full = IntakeBounds(mayRecordRefusal: { true }, mayKeepBody: { _ in false })
        #expect(ledger.answer(update, within: full).status == 404)
        try expectCut(long, ledger)
        #expect(ledger.events.last?.leaf.stream == .agreement("a1"))
        #expect(ledger.events.last?.draft.castableBody == false)
        let short = #"{"status":"open"}"#
        #expect(ledger.answer(.update("t2", under: "a1", short), within: full).status == 404)
        #expect(ledger.lastText(.body) == short)
    }
}
