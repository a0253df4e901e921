import JSON
import Testing
import TicketSharing

@Suite struct AgreementMessageTests {
    @Test func `the gem's invitation says everything but who deactivated`() throws {
        let request = try WireRequest("gem/00")
        let message = try request.agreementMessage()
        #expect(message.id.text == request.id)
        #expect(message.name == "MondoCam")
        #expect(message.senderURL?.text == "https://mondocam.example/sharing")
        #expect(message.receiverURL?.text == "http://127.0.0.1:18999/sharing")
        #expect(message.accessKey?.secret == "c8d952679994f2382579acbfc648989b4c318687")
        #expect(message.status == .pending)
        #expect(message.currentActor?.name == "Åsa Lindqvist")
        #expect(message.currentActor?.role == "agent")
        #expect([message.syncTags, message.syncCustomFields, message.allowsPublicComments] == [true, true, true])
        #expect(message.saidMembers == AgreementMember.allCases.filter { $0 != .deactivatedBy })
        #expect(message.unknownMembers == [])
    }

    @Test func `null says nothing`() throws {
        let message = try WireRequest("gem/01").agreementMessage()
        #expect(message.saidMembers == [.uuid, .accessKey, .status])
        #expect(
            message.name == nil && message.senderURL == nil && message.currentActor == nil && message.syncTags == nil
        )
    }

    @Test func `credentials and URLs can be cut out where they stand`() throws {
        for name in ["gem/00", "rt/00"] {
            let request = try WireRequest(name)
            let message = try request.agreementMessage()
            func cut(_ member: AgreementMember) -> String? {
                message.byteRange(of: member).map { Array(request.body[$0]).text }
            }
            #expect(cut(.accessKey) == message.accessKey.map { "\"\($0.secret)\"" })
            #expect(cut(.senderURL) == message.senderURL.map { "\"\($0.text)\"" })
            #expect(cut(.receiverURL) == message.receiverURL.map { "\"\($0.text)\"" })
            #expect(cut(.deactivatedBy) == nil)
            #expect(AgreementMessage.credentialRanges(in: try JSONDocument(parsing: request.body)).count == 1)
        }
    }

    @Test func `credentials of a body that is refused are found as well`() throws {
        let body =
            #"{"access_key":"one","access\u005fkey":2,"a":[{"access_key":{"access_key":1}}],"access_key":null,"b":"access_key"}"#
        let document = try JSONDocument(text: body)
        let cut = AgreementMessage.credentialRanges(in: document).map { Array(document.bytes[$0]).text }
        #expect(cut == ["\"one\"", "2", #"{"access_key":1}"#])
        #expect(fault { _ = try AgreementMessage(document, id: AgreementID("a")!) }?.code == .duplicateMember)
    }

    @Test(arguments: [
        ("[]", ProtocolFault.Code.wrongType, "the body must be an object"),
        ("null", .wrongType, "the body must be an object"),
        (#"{"uuid":"b"}"#, .identifierMismatch, "uuid must be the one in the path"),
        (
            #"{"uuid":"a/b"}"#, .invalidValue,
            "uuid must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots"
        ),
        (#"{"name":"a\u0000"}"#, .invalidText, "name must not hold a NUL character"),
        (#"{"name":"a\udfff"}"#, .invalidText, "name must not hold half a surrogate pair"),
        (#"{"name":"\#(String(repeating: "n", count: 1_025))"}"#, .overLimit, "name must not be over 1024 bytes"),
        (#"{"status":"open"}"#, .invalidValue, "status must be pending, accepted, declined or inactive"),
        (#"{"deactivated_by":"me"}"#, .invalidValue, "deactivated_by must be sender or receiver"),
        (
            #"{"access_key":"a b"}"#, .invalidValue,
            "access_key must be 1 to 255 printable ASCII characters without spaces"
        ),
        (#"{"sender_url":"ftp://x"}"#, .invalidValue, "sender_url must begin with http:// or https://"),
        (#"{"receiver_url":"https://u@x"}"#, .invalidValue, "receiver_url must not name a user"),
        (#"{"status":"accepted","st\u0061tus":"declined"}"#, .duplicateMember, "status stands twice, again at byte 21"),
        (#"{"x":1,"x":2}"#, .duplicateMember, "a member of the body stands twice, again at byte 7"),
        (
            #"{"current_actor":{"name":"a","name":"b"}}"#, .duplicateMember,
            "current_actor.name stands twice, again at byte 29"
        ),
        (
            #"{"current_actor":{"uuid":""}}"#, .invalidValue,
            "current_actor.uuid must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots"
        ),
    ])
    func `a fault names its member`(body: String, code: ProtocolFault.Code, detail: String) {
        let refused = fault { _ = try AgreementMessage(text: body) }
        #expect(refused == ProtocolFault(.unprocessable, code, detail))
    }

    @Test func `every member of a wrong type is refused by its name`() {
        let allowed: [(member: String, kinds: [String])] = [
            ("uuid", ["string"]), ("name", ["string"]), ("sender_url", ["string"]), ("receiver_url", ["string"]),
            ("access_key", ["string"]), ("status", ["string"]), ("deactivated_by", ["string"]),
            ("current_actor", ["object"]),
            ("sync_tags", ["bool"]), ("sync_custom_fields", ["bool"]), ("allows_public_comments", ["bool"]),
        ]
        #expect(allowed.map(\.member) == AgreementMember.allCases.map(\.name))
        for (member, kinds) in allowed {
            for (kind, value) in WrongTypes.values where !kinds.contains(kind) {
                let refused = fault { _ = try AgreementMessage(text: "{\"\(member)\":\(value)}") }
                #expect(
                    refused?.code == .wrongType && refused?.detail.hasPrefix("\(member) must be ") == true,
                    "\(member) \(kind)"
                )
            }
        }
        for (member, kind) in WrongTypes.actor { #expect(refusal(of: member, kind) == .wrongType, "\(member) \(kind)") }
    }

    private func refusal(of member: String, _ value: String) -> ProtocolFault.Code? {
        fault { _ = try AgreementMessage(text: "{\"current_actor\":{\"\(member)\":\(value)}}") }?.code
    }

    @Test func `what we do not interpret is kept, whatever it is`() throws {
        let message = try AgreementMessage(text: #"{"a":{"x":1,"x":"\u0000"},"\ud800":[1e400000],"c":null}"#)
        #expect(message.unknownMembers.map(\.value.text) == [#"{"x":1,"x":"\u0000"}"#, "[1e400000]", "null"])
        #expect(message.unknownMembers.map(\.rawName.text) == [#""a""#, #""\ud800""#, #""c""#])
        #expect(message.saidMembers == [])
    }

    @Test func `a token with an invitation must be the one of the body`() throws {
        let message = try WireRequest("rt/00").agreementMessage()
        let own = try Token(header: WireRequest("rt/00").header("X-Ticket-Sharing-Token"))
        #expect(fault { try message.checkInvitation(token: own) } == nil)
        #expect(fault { try message.checkInvitation(token: nil) } == nil)
        for other in ["\(message.id.text):wrong", "other:\(own.key.secret)"] {
            #expect(fault { try message.checkInvitation(token: Token(header: other)) } == .notAuthorized)
        }
    }
}

/// Values of every kind, to put where they do not belong.
enum WrongTypes {
    static let values = [
        ("number", "1"), ("bool", "true"), ("string", "\"x\""), ("array", "[]"), ("object", "{}"),
    ]

    static var actor: [(String, String)] {
        ["uuid", "name", "role"].flatMap { member in
            values.filter { $0.0 != "string" }.map { (member, $0.1) }
        }
    }
}
