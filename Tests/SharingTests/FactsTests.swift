import Ledger
import Sharing
import TestRequests
import Testing

/// What facts say of the credentials that were cut out of an event's parts.
@Suite struct FactsTests {
    private let key = TestRequest.key

    @Test func `facts of a ticket's message out of which nothing was cut say nothing of it`() throws {
        var ledger = try MemoryLedger.withTicket()
        #expect(ledger.answer(.update("t1", under: "a1", #"{"status":"open","subject":"[secret]"}"#)).status == 200)
        #expect(
            ledger.lastText(.facts) == """
                {"v":1,"by":"sender","set":["subject","status"],"status":"open","permissions":{"sync_tags":true,\
                "sync_custom_fields":true,"allows_public_comments":true},"token_version":1}
                """
        )
    }

    @Test func `what was cut out is counted by part`() throws {
        var ledger = try MemoryLedger.withTicket()
        let texts = #"{"subject":"\#(key), \#(key)","custom_fields":{"access_key":"x"}}"#
        #expect(ledger.answer(.update("t1", under: "a1", texts)).status == 200)
        #expect(ledger.lastText(.facts)?.hasSuffix(#","splices":{"body":3}}"#) == true)
        #expect(ledger.answer(.ownInvitation("a2", to: "partner")).status == 201)
        #expect(ledger.lastText(.facts)?.hasSuffix(#","splices":{"body":1,"sent-body":1}}"#) == true)
        #expect(ledger.answer(.deskSets("inactive", of: "a1", with: "partner")).status == 200)
        #expect(ledger.lastText(.facts)?.hasSuffix(#","splices":{}}"#) == true)
    }

    @Test func `of a refused message what can be put back is counted`() throws {
        var ledger = try MemoryLedger.withTicket()
        #expect(ledger.answer(.update("t2", under: "a1", #"{"subject":"\#(key)"}"#)).fault != nil)
        #expect(
            ledger.lastText(.facts) == #"{"v":1,"error":"unknown_resource","ticket":"t2","splices":{"body":1}}"#
        )
    }
}
