import Ledger
import Sharing
import TestRequests
import Testing
import TicketSharing

@Suite struct InvitationTests {
    @Test func `an invitation of a stranger makes a proposed partner and waits for an operator`() throws {
        var ledger = try MemoryLedger(deskURL: "https://help.example/sharing")
        let answer = ledger.answer(.invitation("a1", from: "https://mondo-cam.example:8443/sharing"))
        #expect(answer.status == 201)
        let record = try #require(ledger.agreement("a1"))
        #expect(record.agreement.status == .pending && record.ourRole == .receiver)
        #expect(record.invitedFrom == "192.0.2.1")
        let partner = try #require(ledger.state.partners[record.partner])
        #expect(partner.state == .proposed && partner.name == "proposed-mondo-cam-example")
        #expect(ledger.events.map(\.leaf.type) == [.partnerAdded, .agreementInvited])
        // Nothing is delivered before somebody has accepted the partner.
        #expect(ledger.changes.allSatisfy { $0.deliveries.isEmpty })
    }

    @Test func `who invites us in a partner's name cannot move that partner`() throws {
        var ledger = try MemoryLedger()
        #expect(ledger.answer(.invitation("a1")).status == 201)
        let partner = try #require(ledger.agreement("a1")?.partner)
        let evil = #"{"sender_url":"https://evil.example/sharing"}"#
        func move() -> TestRequest { .inbound("PUT", "/agreements/a1", token: "a1:\(TestRequest.key)", evil) }
        #expect(ledger.answer(move()).status == 403)
        #expect(ledger.state.partners[partner]?.baseURL.text == TestRequest.partnerURL)
    }

    @Test func `a request of very many keys is refused, and none of them kept`() throws {
        var ledger = try MemoryLedger()
        let keys = (0..<9).map { #"{"access_key":"0123456789abcdef\#($0)"}"# }.joined(separator: ",")
        let answer = ledger.answer(.inbound("PUT", "/tickets/t1", token: "a1:\(TestRequest.key)", "[\(keys)]"))
        #expect([401, 403, 422].contains(answer.status))
        let stored = ledger.events.flatMap(\.draft.parts).map { String(decoding: $0.content, as: UTF8.self) }
        #expect(stored.contains { $0.contains("bytes that could not be read") })
        #expect(!stored.contains { $0.contains("0123456789abcdef") })
    }

    @Test func `an invitation may come with a token, which then must be the body's`() throws {
        var ledger = try MemoryLedger()
        var wrong = TestRequest.invitation("a1")
        wrong.token = "a1:another-key-than-that"
        #expect(ledger.answer(wrong).fault == .notAuthorized)
        wrong.token = "a2:\(TestRequest.key)"
        #expect(ledger.answer(wrong).fault == .notAuthorized)
        wrong.token = "malformed"
        #expect(ledger.answer(wrong).fault == .notAuthorized)
        #expect(ledger.agreement("a1") == nil)
        var right = TestRequest.invitation("a1")
        right.token = "a1:\(TestRequest.key)"
        #expect(ledger.answer(right).status == 201)
    }

    @Test(arguments: [
        (#""uuid":"a1""#, #""uuid":"a2""#, "uuid_mismatch"),
        (#""uuid":"a1","#, "", "missing_member"),
        (#""status":"pending""#, #""status":"accepted""#, "invalid_value"),
        (#","status":"pending""#, "", "missing_member"),
        (#""status":"pending""#, #""status":"pending","deactivated_by":"sender""#, "invalid_value"),
        (#""access_key":"\#(TestRequest.key)""#, #""access_key":null"#, "missing_member"),
        (#""access_key":"\#(TestRequest.key)""#, #""access_key":"""#, "invalid_value"),
        (#""access_key":"\#(TestRequest.key)""#, #""access_key":"with blank""#, "invalid_value"),
        (#""access_key":"\#(TestRequest.key)""#, #""access_key":12345678"#, "wrong_type"),
        (#""sender_url":"https://partner.example/sharing""#, #""sender_url":null"#, "missing_member"),
        (#""sender_url":"https://partner.example/sharing""#, #""sender_url":"ftp://partner.example""#, "invalid_value"),
        (
            #""sender_url":"https://partner.example/sharing""#, #""sender_url":"https://desk.example/sharing/""#,
            "invalid_value"
        ),
        (#""receiver_url":"https://desk.example/sharing""#, #""receiver_url":null"#, "missing_member"),
        // Neither side is us.
        (
            #""receiver_url":"https://desk.example/sharing""#, #""receiver_url":"https://elsewhere.example/sharing""#,
            "invalid_value"
        ),
        (
            #""receiver_url":"https://desk.example/sharing""#, #""receiver_url":"https://desk.example/other""#,
            "invalid_value"
        ),
        (#""name":"MondoCam""#, #""name":7"#, "wrong_type"),
        (#""name":"MondoCam""#, #""name":"a","name":"b""#, "duplicate_member"),
        (#""name":"MondoCam""#, #""name":"\u0000""#, "invalid_text"),
    ])
    func `an invitation that is not right is refused with 422`(old: String, new: String, code: String) throws {
        var ledger = try MemoryLedger()
        var request = TestRequest.invitation("a1")
        let text = String(decoding: request.body, as: UTF8.self)
        #expect(text.contains(old))
        request.body = Array(text.replacing(old, with: new).utf8)
        let answer = ledger.answer(request)
        #expect(answer.status == 422)
        #expect(answer.fault?.code.rawValue == code, "\(String(describing: answer.fault))")
        #expect(ledger.agreement("a1") == nil && ledger.state.partners.all.isEmpty)
    }

    @Test func `an invitation that repeats byte for byte gets the first answer, any other 422`() throws {
        var ledger = try MemoryLedger()
        let first = ledger.answer(.invitation("a1"))
        let again = ledger.answer(.invitation("a1"))
        #expect(again.isRepeat && again.status == 201 && again.receipt == first.receipt)
        let other = ledger.answer(.invitation("a1", permissions: #""sync_tags":false"#))
        #expect(other.status == 422 && other.fault?.code == .alreadyExists)
        let otherKey = ledger.answer(.invitation("a1", key: "some-other-key"))
        #expect(otherKey.status == 422 && otherKey.fault?.code == .alreadyExists)
        #expect(ledger.agreement("a1")?.key?.number == 1)
    }

    @Test func `one source may have ten invitations waiting, all together a hundred, then it is 503`() throws {
        var ledger = try MemoryLedger()
        func invitation(_ number: Int, source: String) -> TestRequest {
            var request = TestRequest.invitation("a\(number)", from: "https://p\(number).example")
            request.source = source
            return request
        }
        for number in 0..<10 { #expect(ledger.answer(invitation(number, source: "198.51.100.1")).status == 201) }
        let eleventh = ledger.answer(invitation(10, source: "198.51.100.1"))
        #expect(eleventh.status == 503 && eleventh.fault?.headers().first?.name == "Retry-After")
        for number in 10..<100 {
            #expect(ledger.answer(invitation(number, source: "198.51.100.\(number / 10 + 1)")).status == 201)
        }
        #expect(ledger.answer(invitation(100, source: "203.0.113.1")).status == 503)
        #expect(ledger.agreement("a100") == nil)
        // One that is answered makes room.
        try ledger.accept(PartnerSettings(name: "p0", url: BaseURL("https://p0.example")))
        let decline = TestRequest.outbound(
            "PUT",
            "/agreements/a0",
            to: "p0",
            token: "a0:\(TestRequest.key)",
            #"{"status":"declined"}"#
        )
        #expect(ledger.answer(decline).status == 200)
        #expect(ledger.answer(invitation(100, source: "203.0.113.1")).status == 201)
    }

    @Test func `the addresses of one network are one source`() throws {
        var ledger = try MemoryLedger()
        let answers = (0..<11).map { number in
            var request = TestRequest.invitation("a\(number)", from: "https://p\(number).example")
            request.source = "2001:db8::\(number)"
            return ledger.answer(request).status
        }
        #expect(answers == Array(repeating: 201, count: 10) + [503])
        #expect(ledger.agreement("a7")?.invitedFrom == "2001:db8::7")
    }

    @Test func `an invitation has at most 64 KiB`() throws {
        var ledger = try MemoryLedger()
        let filler = String(repeating: "x", count: 64 * 1024)
        let answer = ledger.answer(.invitation("a1", permissions: #""note":"\#(filler)""#))
        #expect(answer.fault?.code == .overLimit)
    }

    @Test func `an invitation of a known partner is that partner's, whatever the scheme or a last slash`() throws {
        var ledger = try MemoryLedger.withPartner(deskURL: "https://help.example/sharing")
        for (id, url) in [
            ("a1", "https://partner.example/sharing"), ("a2", "https://PARTNER.example:443/sharing/"),
            ("a3", "http://partner.example/sharing"),
        ] {
            #expect(ledger.answer(.invitation(id, from: url)).status == 201)
            #expect(ledger.agreement(id)?.partner == ledger.state.partners[name: "partner"]?.id)
        }
        #expect(ledger.state.partners.all.count == 1)
    }

    @Test func `the desk hears of an invitation in a partner's name once it is accepted, and of all of it`() throws {
        var ledger = try MemoryLedger.withPartner(deskURL: "https://help.example/sharing")
        #expect(ledger.answer(.invitation("a1")).status == 201)
        let renaming = #"{"name":"Lenswerk"}"#
        let renamed = ledger.answer(.inbound("PUT", "/agreements/a1", token: "a1:\(TestRequest.key)", renaming))
        #expect(renamed.status == 200)
        #expect(ledger.answer(.inbound("GET", "/agreements/a1", token: "a1:\(TestRequest.key)")).status == 200)
        #expect(ledger.changes.allSatisfy { $0.deliveries.isEmpty && $0.acceptedInvitations.isEmpty })
        let accepted = ledger.answer(.deskSets("accepted", of: "a1", with: "partner"))
        let released = try #require(ledger.changes.last?.acceptedInvitations)
        #expect(released.map(\.stream) == [ledger.agreement("a1")?.stream])
        #expect(released.map(\.acceptance) == [accepted.receipt?.position])
        let partner = ledger.state.partners.all[0].id
        #expect(ledger.changes.last?.deliveries.map(\.lane.destination) == [.partner(partner)])
        #expect(ledger.answer(.partnerSets("inactive", of: "a1")).status == 200)
        #expect(ledger.changes.last?.deliveries.map(\.lane.destination) == [.desk])
        #expect(ledger.answer(.partnerSets("accepted", of: "a1")).status == 200)
        #expect(ledger.changes.last?.acceptedInvitations.isEmpty == true)
    }

    @Test func `an invitation that is declined never reaches the desk`() throws {
        var ledger = try MemoryLedger.withPartner(deskURL: "https://help.example/sharing")
        _ = ledger.answer(.invitation("a1"))
        #expect(ledger.answer(.deskSets("declined", of: "a1", with: "partner")).status == 200)
        let late = #"{"name":"Lenswerk"}"#
        _ = ledger.answer(.inbound("PUT", "/agreements/a1", token: "a1:\(TestRequest.key)", late))
        let destinations = ledger.changes.flatMap(\.deliveries).map(\.lane.destination)
        #expect(destinations == [.partner(ledger.state.partners.all[0].id)])
        #expect(ledger.changes.allSatisfy { $0.acceptedInvitations.isEmpty })
    }

    @Test func `two strangers of one host get names that differ, and accepting one names it`() throws {
        var ledger = try MemoryLedger(deskURL: "https://help.example/sharing")
        _ = ledger.answer(.invitation("a1", from: "https://cam.example/one"))
        _ = ledger.answer(.invitation("a2", from: "https://cam.example/two"))
        #expect(ledger.state.partners.all.map(\.name) == ["proposed-cam-example", "proposed-cam-example-2"])
        let accepted = try ledger.accept(PartnerSettings(name: "cam", url: BaseURL("https://cam.example/two")))
        #expect(accepted.state == .active && accepted.id == ledger.agreement("a2")?.partner)
        #expect(ledger.state.partners[name: "proposed-cam-example-2"] == nil)
    }

    @Test func `our own invitation goes out with both base URLs as the partner knows them`() throws {
        var ledger = try MemoryLedger.withPartner()
        let answer = ledger.answer(.ownInvitation("a1", to: "partner", at: "http://127.0.0.1:8411/to/partner"))
        #expect(answer.status == 201)
        let agreement = try #require(ledger.agreement("a1")?.agreement)
        #expect(agreement.senderURL.text == MemoryLedger.publicURL)
        #expect(agreement.receiverURL.text == TestRequest.partnerURL)
        #expect(
            ledger.lastText(.sentBody) == """
                {"uuid":"a1","name":"MondoCam","sender_url":"https://desk.example/sharing",\
                "receiver_url":"https://partner.example/sharing","access_key":"[secret]","status":"pending"}
                """
        )
        #expect(ledger.lastText(.body)?.contains("http://127.0.0.1:8411/to/partner") == true)
        #expect(ledger.changes.last?.deliveries.count == 1)
        // Its key is known to the partner only once that has taken it.
        #expect(ledger.agreement("a1")?.acknowledgedKey == nil)
    }

    @Test func `our own invitation cannot name another help desk than the partner of the path`() throws {
        var ledger = try MemoryLedger.withPartner()
        let answer = ledger.answer(.ownInvitation("a1", to: "partner", at: "https://elsewhere.example/sharing"))
        #expect(answer.status == 422)
        #expect(answer.fault?.detail.contains("receiver_url must be http://127.0.0.1:8411/to/partner") == true)
    }
}
