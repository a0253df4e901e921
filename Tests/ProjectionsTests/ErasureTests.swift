import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger)
struct ErasureTests {
    private let agreement = AgreementID("a")!
    private let ticket = TicketID("t")!

    @Test func `an erased message folds to what its facts know, and to erased, never to not said`() async throws {
        let ledger = try await LedgerFixture()
        try await ledger.addPartner("lens", GeneratedLedger.partnerURL)
        let token = try await ledger.agree("a", with: "lens", at: GeneratedLedger.partnerURL, weSend: false)
        try await ledger.send(
            "POST",
            "tickets/t",
            #"{"uuid":"t","subject":"First","status":"new","tags":["x"],"comments":[{"uuid":"c1","body":"one"}]}"#,
            token: token,
        )
        let update = try await ledger.send(
            "PUT",
            "tickets/t",
            """
            {"subject":"Second","status":"open","requester":{"name":"Jörg"},"requested_at":"2011-06-07 09:12:44 -0700",\
            "comments":[{"uuid":"c1","body":"again"},\
            {"uuid":"c2","body":"two","public":false,"authored_at":"2011-06-08T08:00:00Z"}]}
            """,
            token: token,
        )
        let erased = try #require(update.receipt?.position)
        try await ledger.store.erase([(erased, "body")])
        try await ledger.follow()
        let share = try #require(try await share(ledger))
        #expect(share.ticket.subject == nil)
        #expect(share.ticket.status == "open")
        #expect(share.ticket.requestedAt?.text == "2011-06-07 09:12:44 -0700")
        #expect(share.ticket.tags == ["x"])
        #expect(share.state.erasedMembers == [.subject, .requester])
        #expect(share.state.erasedComments == [CommentID("c2")!])
        #expect(share.ticket.comments.map(\.body) == ["one", nil])
        #expect(share.ticket.comments.map(\.isPublic) == [true, false])
        #expect(share.ticket.comments.last?.authoredAt?.text == "2011-06-08T08:00:00Z")
        let row = try await ledger.database.execute("SELECT subject, status, erased FROM projection.ticket")
        #expect(row == "|open|{requester,subject}\n")
        let comments = try await ledger.database.execute(
            "SELECT comment, erased, body FROM projection.comment ORDER BY 1"
        )
        #expect(comments == "c1|f|one\nc2|t|\n")
        // What is said again is known again, and what was saved as erased is read back as that.
        try await ledger.send("PUT", "tickets/t", #"{"subject":"Third"}"#, token: token)
        try await ledger.follow()
        #expect(
            try await ledger.database.execute("SELECT subject, erased FROM projection.ticket") == "Third|{requester}\n"
        )
        #expect(try await ledger.verify().differences.first == [])
        let before = try await ledger.dump()
        #expect(try await ledger.rebuild().differences.isEmpty)
        #expect(try await ledger.dump() == before)
    }

    @Test func `an erased invitation leaves status and permissions, and a rebuild keeps what it cannot know`()
        async throws
    {
        let ledger = try await LedgerFixture()
        try await ledger.addPartner("lens", GeneratedLedger.partnerURL)
        _ = try await ledger.agree(
            "a",
            with: "lens",
            at: GeneratedLedger.partnerURL,
            weSend: true,
            #","sync_tags":false"#
        )
        let first = try await ledger.session { session in
            try Reconstructor.agreement(AgreementID("a")!, in: &session)?.first
        }
        let position = try #require(first?.position)
        try await ledger.store.erase(["body", "sent-body", "detail"].map { (position, $0) })
        let state = try #require(
            try await ledger.session { session in try Reconstructor.agreement(AgreementID("a")!, in: &session) }
        )
        #expect(state.agreement.status == .accepted)
        #expect(state.agreement.permissions.syncsTags == false)
        #expect(state.erasedMembers == [.name, .senderURL, .receiverURL])
        #expect(state.agreement.senderURL.text == AgreementState.erasedURL)
        #expect(state.agreement.name == nil)
        #expect(try await ledger.verify().differences.first == [])
        try await ledger.tamper("UPDATE projection.agreement SET status = 'inactive'")
        #expect(try await ledger.rebuild().mendedCount == 1)
        let row = try await ledger.database.execute(
            "SELECT status, name, sender_url, receiver_url FROM projection.agreement"
        )
        #expect(row == "accepted|Sender of a|\(LedgerFixture.publicURL)|\(GeneratedLedger.partnerURL)\n")
    }

    private func share(_ ledger: LedgerFixture) async throws -> ReconstructedShare? {
        let (agreement, ticket) = (agreement, ticket)
        return try await ledger.session { session in
            try Reconstructor.share(agreement: agreement, ticket: ticket, in: &session)
        }
    }
}
