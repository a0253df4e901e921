import Ledger
import Testing

@Suite struct CredentialCandidatesTests {
    private let key = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"

    private func candidates(_ text: String, limit: Int = 100) -> Set<String>? {
        CredentialCutter.candidates(in: Array(text.utf8), limit: limit).map { found in
            Set(found.map { String(decoding: $0, as: UTF8.self) })
        }
    }

    @Test(arguments: [
        "KEY", "/tickets/KEY", "https://x.example/?token=a1:KEY&a=b", "X-KEY: v", "KEY.json", "a_KEY", "\"KEY\"",
        "éKEYé",
        "key=KEY", "~KEY~",
    ])
    func `a key is found between whatever stands around it`(text: String) {
        #expect(candidates(text.replacing("KEY", with: key))?.contains(key) == true)
    }

    @Test func `a key with marks in it is found whole`() {
        for key in ["with-some_marks-01", "with.some~marks-01", "with_underscore_01"] {
            #expect(candidates("/tickets/\(key)?")?.contains(key) == true)
        }
    }

    @Test func `escapes of URLs and JSON are undone`() {
        let percent = key.utf8.map { "%" + String($0, radix: 16) }.joined()
        #expect(candidates("/tickets/\(percent)")?.contains(key) == true)
        #expect(candidates(#"{"\u0030\#(key.dropFirst())":1}"#)?.contains(key) == true)
    }

    @Test func `what is too short or too long, or has no digit, is none`() {
        #expect(candidates("Content-Type application/x-www-form-urlencoded a1b2c3d4e5f6a7b") == [])
        #expect(candidates(String(repeating: "a1", count: 128)) == [])
    }

    @Test func `there is an end to how many are looked at`() {
        let many = (0..<101).map { "number-\($0)-of-very-many" }.joined(separator: " ")
        #expect(candidates(many) == nil)
        #expect(candidates(many, limit: 1000)?.count == 101)
    }
}
