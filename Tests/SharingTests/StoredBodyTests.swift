import JSON
import Ledger
import Sharing
import Testing

@Suite struct StoredBodyTests {
    private func stored(_ text: String, isAgreement: Bool = false, secrets: [String] = []) -> StoredBody {
        let bytes = Array(text.utf8)
        return StoredBody(
            bytes,
            document: try? JSONDocument(parsing: bytes),
            isAgreement: isAgreement,
            secrets: secrets.map { Array($0.utf8) },
            maximumDepth: 64,
        )
    }

    private func text(_ body: StoredBody) -> String {
        String(decoding: body.bytes, as: UTF8.self)
    }

    @Test func `a key is cut out of its member, escapes and all, and comes back exactly`() throws {
        let body = #"{"access_key":"s3cret-\u0073\/x","uuid":"a1"}"#
        let kept = stored(body, isAgreement: true)
        #expect(text(kept) == #"{"access_key":"[secret]","uuid":"a1"}"#)
        #expect(CredentialCutter.restore(kept.bytes, kept.splices) == Array(body.utf8))
        #expect(try #require([Splice](encoded: kept.splices.encoded)) == kept.splices)
    }

    @Test func `a key is found wherever it stands literally`() {
        let kept = stored(#"{"comments":[{"body":"my key is s3cret-s3cret, yes"}]}"#, secrets: ["s3cret-s3cret"])
        #expect(text(kept) == #"{"comments":[{"body":"my key is [secret], yes"}]}"#)
        #expect(kept.isCastable)
    }

    @Test func `an agreement that cannot be read is kept as its length only`() {
        let kept = stored(#"{"access_key":"s3cret-s3cret""#, isAgreement: true)
        #expect(!text(kept).contains("s3cret"))
        #expect(text(kept).contains("29 bytes"))
        #expect(!kept.isCastable)
    }

    @Test(arguments: [
        (#"{"a":1,"b":[1]}"#, [1, 5, 1, 7, 1]),
        (#"{"a":1,"comments":[{"u":1},{}],"b":2}"#, [1, 5, 13, 7, 1, 2, 2, 5, 1]),
        (#"{"comments":[]}"#, [1, 13, 1]),
        (#"{"comments":{"x":1}}"#, [1, 18, 1]),
        ("{}", [2]),
        ("[1,2]", [5]),
        (" {\"a\" : 1 } ", [2, 7, 3]),
    ])
    func `a body is cut at its members, and at its comments in place of theirs`(body: String, lengths: [Int]) {
        let kept = stored(body)
        #expect(kept.chunks.lengths(contentByteCount: kept.bytes.count) == lengths)
    }

    @Test(arguments: [
        (#"{"a":"\u0041\ud83d\ude00"}"#, true), (#"{"a":"\u0000"}"#, false), (#"{"a":["\ud800"]}"#, false),
        (#"{"\u0000":1}"#, false), (#"{"a":1e400000}"#, false), (#"{"a":1e-400000}"#, false), (#"{"a":1e20}"#, true),
        (#"{"a":123456789012345678901234567890}"#, true),
    ])
    func `what jsonb cannot hold is known before it is asked`(body: String, isCastable: Bool) {
        #expect(stored(body).isCastable == isCastable)
    }
}
