import Testing
import TicketSharing

@Suite struct TokenTests {
    @Test func `the first colon splits agreement and key`() throws {
        let token = try Token(header: " a1:k:e:y ")
        #expect(token.agreement.text == "a1")
        #expect(token.key.secret == "k:e:y")
        #expect(token.headerValue == "a1:k:e:y")
    }

    @Test(arguments: [nil, "", "  "])
    func `no token is 401 with a challenge`(header: String?) throws {
        let missing = #expect(throws: TokenFault.missing) { try Token(header: header) }
        let fault = try #require(missing).fault
        #expect(fault.status == .unauthorized)
        #expect(fault.headers() == [HeaderField("WWW-Authenticate", "X-Ticket-Sharing")])
    }

    @Test(arguments: ["a1", ":key", "a1:", "a/1:key", "a1:ke y", "a1:kéy", ".:key", "a 1:key"])
    func `a malformed token gets the answer of a wrong one`(header: String) throws {
        let malformed = #expect(throws: TokenFault.malformed) { try Token(header: header) }
        #expect(try #require(malformed).fault == .notAuthorized)
        #expect(ProtocolFault.notAuthorized.status == .forbidden)
    }
}
