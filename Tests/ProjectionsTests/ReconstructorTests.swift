import Ledger
import LedgerStore
import Postgres
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger)
struct ReconstructorTests {
    @Test func `the requests of the gem come out as the ticket that they make`() async throws {
        let ledger = try await LedgerFixture()
        var positions: [Position] = []
        for number in 0...5 {
            let request = try WireRequest("gem/0\(number)")
            let inviter = try BaseURL("https://mondocam.example/sharing")
            // What the receiver answers is ours to send.
            let to = number == 1 ? try await ledger.partnerName(of: inviter) : nil
            let answer = try await ledger.send(request.method, request.path, request.body, token: request.token, to: to)
            #expect(answer.fault == nil)
            positions.append(try #require(answer.receipt?.position))
        }
        let agreement = AgreementID("ae7dca370643456645e94b897f9da27dcd477281")!
        let ticket = TicketID("3a71416c8aa91d827b57b876abcbfa84e6036f0a")!
        let at = positions
        let (shared, ended, state) = try await ledger.session { session in
            (
                try Reconstructor.share(agreement: agreement, ticket: ticket, asOf: .position(at[3]), in: &session),
                try Reconstructor.share(agreement: agreement, ticket: ticket, in: &session),
                try Reconstructor.agreement(agreement, in: &session)
            )
        }
        let held = try #require(shared)
        #expect(held.ticket.isShared)
        #expect(held.ticket.subject == "50 mm lens: autofocus hunts at f/1.4 — “soft” pictures")
        #expect(held.ticket.status == "pending")
        #expect(held.ticket.requester?.name == "Jörg Müller 山田")
        #expect(held.ticket.tags == ["lens", "autofocus", "vip"])
        #expect(held.ticket.comments.map(\.isPublic) == [true, false, true])
        #expect(held.ticket.customFields?.text.contains(#""firmware":2.1"#) == true)
        #expect(held.firstPosition == positions[2] && held.lastPosition == positions[3])
        #expect(held.agreement?.agreement.status == .accepted)
        #expect(held.comments.map(\.partnerSince) == [positions[2], positions[2], positions[3]])
        #expect(ended?.ticket.isShared == false)
        #expect(state?.agreement.status == .inactive)
        #expect(state?.agreement.deactivatedBy == .sender)
        #expect(state?.agreement.name == "MondoCam")
    }
}
