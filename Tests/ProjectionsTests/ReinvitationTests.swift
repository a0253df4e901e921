import Ledger
import LedgerStore
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger)
struct ReinvitationTests {
    @Test(arguments: [false, true])
    func `an agreement in a declined one's place is folded as it stands`(weSend: Bool) async throws {
        let ledger = try await LedgerFixture()
        let invitation = """
            {"uuid":"a","name":"Evil","sender_url":"https://evil.example/sharing",\
            "receiver_url":"\(LedgerFixture.publicURL)","access_key":"evil-key-0123456789","status":"pending"}
            """
        #expect(try await ledger.send("POST", "agreements/a", invitation).status == 201)
        let name = try await ledger.database.execute("SELECT name FROM projection.partner").dropLast()
        let declined = try await ledger.send(
            "PUT",
            "agreements/a",
            #"{"status":"declined"}"#,
            token: "a:evil-key-0123456789",
            to: String(name)
        )
        #expect(declined.status == 200)
        let url = "https://lens.example/sharing"
        let partner = try await ledger.addPartner("lens", url)
        let token = try await ledger.agree("a", with: "lens", at: url, weSend: weSend)
        let shared = try await ledger.send(
            "POST",
            "tickets/t",
            #"{"uuid":"t","status":"new"}"#,
            token: token,
            to: weSend ? "lens" : nil
        )
        #expect(shared.status == 201)
        try await ledger.follow()
        let state = try await ledger.session { session in
            try Reconstructor.agreement(#require(AgreementID("a")), in: &session)
        }
        #expect(state?.partner == partner.id && state?.ourRole == (weSend ? .sender : .receiver))
        #expect(state?.keyVersion == 2)
        #expect(try await ledger.verify().differences.first == [])
        let before = try await ledger.dump()
        try await ledger.tamper("UPDATE projection.agreement SET status = 'declined'")
        #expect(try await ledger.rebuild().mendedCount == 1)
        #expect(try await ledger.dump()["agreement"] == before["agreement"])
    }
}
