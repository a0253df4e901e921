import Ledger
import Sharing
import TestRequests
import Testing
import TicketSharing

/// Invitations under a uuid that a declined one had.
@Suite struct ReinvitationTests {
    private static let evil = "https://evil.example/sharing"
    private static let evilKey = "evil-key-0123456789"

    /// A stranger's invitation that the operator has declined.
    private func declined(from url: String = evil, deskURL: String? = nil) throws -> MemoryLedger {
        var ledger = try MemoryLedger.withPartner(deskURL: deskURL)
        #expect(ledger.answer(.invitation("a1", from: url, key: Self.evilKey)).status == 201)
        let name = try #require(ledger.agreement("a1").flatMap { ledger.state.partners[$0.partner]?.name })
        #expect(ledger.answer(.deskSets("declined", of: "a1", with: name, key: Self.evilKey)).status == 200)
        return ledger
    }

    /// With the partner's own URL as the stranger's, as nobody proves a sender URL.
    @Test(arguments: [evil, TestRequest.partnerURL])
    func `a declined invitation keeps nobody else from its uuid, and the stream goes on`(url: String) throws {
        var ledger = try declined(from: url)
        let old = try #require(ledger.agreement("a1"))
        let sequence = try #require(ledger.events.last).leaf.streamLink.sequence
        let answer = ledger.answer(.invitation("a1"))
        #expect(answer.status == 201)
        let new = try #require(ledger.agreement("a1"))
        let event = try #require(ledger.events.last)
        #expect(event.leaf.type == .agreementInvited && event.leaf.streamLink.sequence == sequence + 1)
        #expect(new.stream == old.stream && new.isInvitationToUs && new.firstPosition == event.position)
        #expect(new.partner == ledger.state.partners[name: "partner"]?.id)
        #expect(new.agreement.senderURL.text == TestRequest.partnerURL)
        #expect(new.key?.number == 2 && new.acknowledgedKey == new.key)
        #expect(ledger.changes.last?.accessKeys.map(\.version.number) == [2])
        #expect(ledger.changes.last?.supersededInvitations.map(\.invitation) == [event.position])
        // It waits for an operator like any other, and the one that was declined says nothing any more.
        #expect(ledger.answer(.share("t1", under: "a1")).status == 403)
        #expect(ledger.answer(.inbound("GET", "/agreements/a1", token: "a1:\(Self.evilKey)")).status == 403)
        #expect(ledger.answer(.deskSets("accepted", of: "a1", with: "partner")).status == 200)
        #expect(ledger.answer(.share("t1", under: "a1")).status == 201)
        #expect(ledger.answer(.share("t2", under: "a1", key: Self.evilKey)).status == 403)
    }

    @Test func `what a declined invitation was called by its sender stands in nobody's way`() throws {
        func invitation(from url: String, key: String) -> TestRequest {
            var request = TestRequest.invitation("a1", from: url, key: key)
            request.fields.append(("Idempotency-Key", "a1"))
            return request
        }
        let stranger = invitation(from: Self.evil, key: Self.evilKey)
        let partner = invitation(from: TestRequest.partnerURL, key: TestRequest.key)
        var ledger = try MemoryLedger.withPartner()
        #expect(ledger.answer(stranger).status == 201)
        #expect(ledger.answer(stranger).isRepeat)
        let name = try #require(ledger.agreement("a1").flatMap { ledger.state.partners[$0.partner]?.name })
        #expect(ledger.answer(.deskSets("declined", of: "a1", with: name, key: Self.evilKey)).status == 200)
        #expect(ledger.answer(partner).status == 201)
        #expect(ledger.answer(partner).isRepeat)
        #expect(ledger.answer(stranger).fault != nil)
    }

    @Test func `our own desk gets the uuid as well`() throws {
        var ledger = try declined()
        #expect(ledger.answer(.ownInvitation("a1", to: "partner")).status == 201)
        let record = try #require(ledger.agreement("a1"))
        #expect(record.ourRole == .sender && record.agreement.status == .pending && record.acknowledgedKey == nil)
        #expect(record.invitedFrom == nil && record.key?.number == 2)
    }

    @Test func `for who was declined it is final, and what was not declined is replaced by nothing`() throws {
        var ledger = try declined()
        let again = TestRequest.invitation("a1", from: Self.evil, key: Self.evilKey, permissions: #""sync_tags":true"#)
        #expect(ledger.answer(again).fault?.code == .alreadyExists)
        let elsewhere = TestRequest.invitation("a1", key: Self.evilKey)
        #expect(ledger.answer(elsewhere).fault?.code == .alreadyExists)
        #expect(ledger.answer(.invitation("a1")).status == 201)
        let late = TestRequest.invitation("a1", from: Self.evil, key: "yet-another-key-0123")
        #expect(ledger.answer(late).fault?.code == .alreadyExists)
        #expect(ledger.answer(.deskSets("accepted", of: "a1", with: "partner")).status == 200)
        #expect(ledger.answer(late).fault?.code == .alreadyExists)
        #expect(ledger.answer(.partnerSets("inactive", of: "a1")).status == 200)
        #expect(ledger.answer(late).fault?.code == .alreadyExists)
    }

    @Test func `what we have offered and a partner has declined stays so`() throws {
        var ledger = try MemoryLedger.withPartner()
        _ = ledger.answer(.ownInvitation("a1", to: "partner"))
        #expect(ledger.answer(.partnerSets("declined", of: "a1")).status == 200)
        #expect(ledger.answer(.invitation("a1", key: Self.evilKey)).fault?.code == .alreadyExists)
        #expect(ledger.answer(.ownInvitation("a1", to: "partner", key: Self.evilKey)).fault?.code == .alreadyExists)
    }
}
