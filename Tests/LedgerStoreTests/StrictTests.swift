import Ledger
import LedgerStore
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger) struct StrictTests {
    @Test func `with --strict the desk may repeat what the ticket has, and say nothing new beyond the agreement`()
        async throws
    {
        let token = "a1:\(TestRequest.key)"
        let answers = try await TestDatabase.current.withStore(isStrict: true) { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            let said = #""custom_status":"x","comments":[{"uuid":"c1"}]"#
            let requests: [TestRequest] = [
                .invitation("a1", permissions: #""allows_public_comments":false"#),
                .deskSets("accepted", of: "a1", with: "partner"),
                .share("t1", under: "a1", said),
                .outbound("PUT", "/tickets/t1", to: "partner", token: token, "{\(said)}"),
                .outbound("PUT", "/tickets/t1", to: "partner", token: token, #"{"custom_status":"y"}"#),
                .outbound("PUT", "/tickets/t1", to: "partner", token: token, #"{"comments":[{"uuid":"c2"}]}"#),
            ]
            var answers: [Answer] = []
            for request in requests { answers.append(try await store.answer(request)) }
            return answers
        }
        #expect(answers.map(\.status) == [201, 200, 201, 200, 422, 422])
        #expect(answers[4].fault?.detail.contains("custom_status") == true)
    }
}
