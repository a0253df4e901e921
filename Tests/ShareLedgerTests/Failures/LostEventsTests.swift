import Linux
import TestPeers
import TestSupport
import Testing

/// What a running service says of a ledger whose end somebody has deleted.
@Suite(.fewAtATime) struct LostEventsTests {
    @Test func `a service whose newest events are gone takes no more until it is started again`() async throws {
        let service = try await TestService.started()
        let invitation = #"""
            "status":"pending","access_key":"0123456789abcdef","sender_url":"https://x.example/sharing",\#
            "receiver_url":"\#(service.publicURL)"}
            """#
        for number in 0..<3 {
            let answer = try await service.fromPartner(
                "POST",
                "/agreements/a\(number)",
                #"{"uuid":"a\#(number)","# + invitation
            )
            #expect(answer.status == 201, "\(answer.body)")
        }
        let last = try #require(Int(try await service.sql("SELECT max(position) FROM audit.message")))
        try await service.administer(
            """
            ALTER TABLE ledger.event DISABLE TRIGGER refuse_change;
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            DELETE FROM ledger.event WHERE position = \(last);
            DELETE FROM ledger.payload WHERE position = \(last);
            ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change;
            ALTER TABLE ledger.payload ENABLE ALWAYS TRIGGER refuse_change;
            """
        )
        for number in 3..<6 {
            let refused = try await service.fromPartner(
                "POST",
                "/agreements/a\(number)",
                #"{"uuid":"a\#(number)","# + invitation
            )
            #expect(refused.status == 503 && refused.header("Retry-After") != nil)
        }
        let ready = try #require(try await service.ask("GET", "/readyz", at: service.privatePort))
        #expect(ready.status == 503 && ready.body.contains("position \(last), recorded at "), "\(ready.body)")
        #expect(ready.body.contains("the ledger ends at position \(last - 1)") && ready.body.contains("restart"))
        let said = try service.log.split(separator: "\n").filter { $0.contains("nothing is recorded any more") }
        #expect(said.count == 1 && said[0].contains("compare with a backup"), "\(said)")
        #expect(try await service.sql("SELECT count(*) FROM audit.message WHERE position >= \(last)") == "0")
        try await service.stop()
        try await service.start()
        try await service.stop()
    }
}
