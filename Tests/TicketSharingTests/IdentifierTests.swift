import Testing
import TicketSharing

@Suite struct IdentifierTests {
    @Test func `generated identifiers are SHA-1 of the name below the base URL`() throws {
        let expected = "ed46838bfb41461e4f3b16ba471162c8e2764260"
        for base in ["https://mycompany.net/sharing", "http://mycompany.net/sharing//"] {
            #expect(TicketID(of: "1", below: try BaseURL(base), digest: sha1).text == expected)
        }
        #expect(CommentID(of: "1", below: try BaseURL("https://mycompany.net/sharing"), digest: sha1).text != expected)
    }

    @Test(arguments: [
        "a", "A-z_0~9.", "...", ".a", "ae7dca370643456645e94b897f9da27dcd477281", String(repeating: "x", count: 255),
    ])
    func `an opaque name that any URL can hold is an identifier`(text: String) {
        #expect(TicketID(text)?.text == text)
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "a b", "a%20", "é", "a\u{0}", "a\n", "a?b", "a:b", String(repeating: "x", count: 256),
    ])
    func `anything else is none`(text: String) {
        #expect(TicketID(text) == nil)
    }

    @Test func `identifiers are ordered and told apart by case`() throws {
        let identifiers = try ["b", "B", "a"].map { try #require(ActorID($0)) }
        #expect(identifiers.sorted().map(\.text) == ["B", "a", "b"])
        #expect(Set(identifiers).count == 3)
    }
}
