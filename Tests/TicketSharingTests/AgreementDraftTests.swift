import JSON
import Testing
import TicketSharing

@Suite struct AgreementDraftTests {
    @Test func `our invitation is, byte for byte, the gem's`() throws {
        let request = try WireRequest("gem/00")
        let message = try request.agreementMessage()
        let agreement = try Agreement.invited(by: message, addressed: BaseURL("http://127.0.0.1:18999/sharing"))
        let draft = AgreementDraft.invitation(
            to: agreement,
            key: try #require(message.accessKey),
            by: message.currentActor
        )
        #expect(draft.encoded(as: .zendesk).text == request.body.text)
    }

    @Test func `our change of status is, byte for byte, the gem's`() throws {
        for (name, status) in [("gem/01", Agreement.Status.accepted), ("gem/05", .inactive)] {
            let request = try WireRequest(name)
            let message = try request.agreementMessage()
            let draft = AgreementDraft.change(of: message.id, to: status, by: .sender, key: message.accessKey)
            #expect(draft.encoded(as: .zendesk).text == request.body.text)
        }
    }

    @Test func `RT is told what RT tells`() throws {
        let request = try WireRequest("rt/00")
        let message = try request.agreementMessage()
        let agreement = try Agreement.invited(by: message, addressed: BaseURL("http://127.0.0.1:18998/sharing"))
        let invitation = AgreementDraft.invitation(to: agreement, key: try #require(message.accessKey))
        #expect(invitation.encoded(as: .rt).text == request.body.text.replacing(#""deactivated_by":null,"#, with: ""))
        let change = AgreementDraft.change(of: message.id, to: .inactive, by: .sender)
        #expect(
            change.encoded(as: .rt).text
                == (try WireRequest("rt/05").body.text.replacing(
                    #""uuid":"\#(request.id)","status":"inactive""#,
                    with: #""status":"inactive","uuid":"\#(request.id)""#
                ))
        )
    }

    @Test func `the standard form says what there is to say, and a key only if it is new`() throws {
        let id = try #require(AgreementID("a"))
        let key = AccessKey("k")
        let draft = AgreementDraft.change(of: id, to: .inactive, by: .receiver, key: key)
        #expect(draft.encoded(as: .standard).text == #"{"uuid":"a","status":"inactive","deactivated_by":"receiver"}"#)
        var rotation = AgreementDraft(id: id)
        rotation.accessKey = AccessKey("k2")
        #expect(rotation.encoded(as: .standard).text == #"{"uuid":"a","access_key":"k2"}"#)
        let accepted = AgreementDraft.change(of: id, to: .accepted, by: .receiver, key: key)
        #expect(accepted.encoded(as: .standard).text == #"{"uuid":"a","status":"accepted"}"#)
    }

    @Test func `an answer shows the agreement without its key, and reads back as it`() throws {
        let request = try WireRequest("gem/00")
        let agreement = try Agreement.invited(
            by: request.agreementMessage(),
            addressed: BaseURL("http://127.0.0.1:18999/sharing")
        )
        let body = AgreementDraft(agreement).encoded(as: .standard)
        #expect(!body.text.contains("access_key"))
        let message = try AgreementMessage(JSONDocument(parsing: body), id: agreement.id)
        #expect(try agreement.applying(message, from: .receiver, keyMatches: true).changedMembers == [])
    }
}
