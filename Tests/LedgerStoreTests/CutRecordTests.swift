import Ledger
import LedgerStore
import Sharing
import Testing

/// What tells that splices are gone, also in events whose facts do not count them yet.
@Suite struct CutRecordTests {
    private let keys = KeyRing(master: [UInt8](0..<32))
    private let exchange = EventID("0192f3a0-0000-7000-8000-000000000000")!

    private func part(_ content: String, _ splices: [Splice]? = nil) -> StoredPart {
        let context = Splice.context(exchange: exchange, part: .body)
        return StoredPart(
            name: .body,
            content: Array(content.utf8),
            salt: [],
            chunkLengths: nil,
            sealedSplices: splices.map { keys.seal($0.encoded, context: context) },
        )
    }

    private func isWhole(_ part: StoredPart, _ type: EventType, _ facts: String) throws -> Bool {
        let record = CutRecord(of: type, facts: Array(facts.utf8))
        do throws(CutRecord.Fault) {
            _ = try record.restore(part, of: exchange, keys: keys)
            #expect(!record.lacks(part))
            return true
        } catch {
            try #require(error == .incomplete)
            #expect(record.lacks(part) == (part.sealedSplices == nil))
            return false
        }
    }

    @Test func `splices are as many as the facts say`() throws {
        let body = #"{"subject":"[secret] [secret]"}"#
        let splices = [Splice(offset: 12, original: [1]), Splice(offset: 21, original: [2])]
        let facts = #"{"v":1,"by":"sender","splices":{"body":2}}"#
        #expect(try isWhole(part(body, splices), .ticketUpdated, facts))
        #expect(try !isWhole(part(body, [splices[1]]), .ticketUpdated, facts))
        #expect(try !isWhole(part(body), .ticketUpdated, facts))
        #expect(try !isWhole(part(body), .attemptBegun, facts))
        #expect(try !isWhole(part(body, splices), .agreementUpdated, #"{"v":1,"splices":{}}"#))
    }

    @Test func `where facts do not count, what is always cut out tells`() throws {
        let facts = #"{"v":1,"by":"sender","set":[]}"#
        let key = #"{"access_key":"[secret]","custom_fields":{"access_key":"[secret]"}}"#
        let splices = [Splice(offset: 15, original: [1]), Splice(offset: 56, original: [2])]
        for type in [EventType.agreementInvited, .agreementUpdated, .ticketShared, .ticketUpdated] {
            #expect(try isWhole(part(key, splices), type, facts))
            #expect(try !isWhole(part(key, [splices[0]]), type, facts))
            #expect(try !isWhole(part(key), type, facts))
        }
        // Of a refused body more may have been cut out for good.
        #expect(try isWhole(part(key), .messageRefused, facts))
    }

    @Test func `a placeholder in an agreement of old tells, and one that somebody wrote does not`() throws {
        let body = #"{"current_actor":{"name":"[secret]"}}"#
        for facts in [#"{"v":1,"set":["name","access_key"]}"#, #"{"v":1,"set":[],"token_version":1}"#] {
            #expect(try !isWhole(part(body), .agreementUpdated, facts))
        }
        #expect(try isWhole(part(body), .agreementUpdated, #"{"v":1,"set":["name"]}"#))
        #expect(try isWhole(part(body), .agreementUpdated, #"{"v":1,"token_version":1,"splices":{}}"#))
        #expect(try isWhole(part(#"{"subject":"[secret]"}"#), .ticketUpdated, #"{"v":1,"token_version":1}"#))
    }
}
