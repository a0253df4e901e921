import Testing
import TicketSharing

@Suite struct AccessKeyTests {
    @Test func `a key is printable ASCII without spaces`() {
        #expect(AccessKey("c8d952679994f2382579acbfc648989b4c318687") != nil)
        #expect(AccessKey("!~:a") != nil)
        #expect(AccessKey(String(repeating: "k", count: 255)) != nil)
        for text in ["", "a b", "a\n", "é", "a\u{7F}", String(repeating: "k", count: 256)] {
            #expect(AccessKey(text) == nil)
        }
    }

    @Test func `a key shows itself in no way of printing`() throws {
        let key = try #require(AccessKey("hunter2"))
        let token = Token(agreement: try #require(AgreementID("a1")), key: key)
        var dumped = ""
        dump(token, to: &dumped)
        dump(key, to: &dumped)
        for shown in ["\(key)", String(reflecting: key), "\(token)", String(reflecting: token), "\([token])", dumped] {
            #expect(!shown.contains("hunter2"))
        }
        #expect("\(token)" == "a1:[secret]")
        #expect(token.headerValue == "a1:hunter2")
    }

    @Test func `keys are equal only if every byte is`() {
        #expect(AccessKey("abc") == AccessKey("abc"))
        for other in ["abd", "bbc", "ab", "abcd", "ABC"] { #expect(AccessKey("abc") != AccessKey(other)) }
    }
}
