import JSON
import Testing
import TicketSharing

@Suite struct TicketMessageTests {
    @Test func `the gem's share is read to its last member`() throws {
        let request = try WireRequest("gem/02")
        let message = try request.ticketMessage()
        #expect(message.id.text == request.id)
        #expect(message.subject == "50 mm lens: autofocus hunts at f/1.4 — “soft” pictures")
        #expect(message.requestedAt?.microseconds == 1_307_463_164_000_000)
        #expect(message.requestedAt?.text == "2011-06-07 09:12:44 -0700")
        #expect(message.status == "open" && message.customStatus == "Waiting on supplier")
        #expect(message.requester?.name == "Jörg Müller 山田" && message.requester?.role == "end-user")
        #expect(message.currentActor?.id?.text == "bffc5e7710218ab08efe18ceb5912cb1cefb3173")
        #expect(message.tags == ["lens", "autofocus", "vip"])
        #expect(message.originalID == .text("10482"))
        #expect(message.customFields?.text.hasPrefix(#"{"serial":"LX-50-00913","firmware":2.1"#) == true)
        #expect(message.saidMembers == TicketMember.allCases)
        let comments = message.comments
        #expect(comments.map(\.isPublic) == [true, false])
        #expect(comments[0].body == "Hello,\nmy new 50 mm hunts in low light. Test pictures attached.\n\nJörg 📷")
        #expect(comments[0].attachments?.map(\.filename) == ["IMG_0413.JPG", "señal.txt"])
        #expect(comments[0].attachments?.map(\.displayFilename) == ["IMG 0413.JPG", nil])
        #expect(comments[0].customFields == nil && comments[1].attachments == nil && comments[1].htmlBody == nil)
        #expect(comments[1].customFields?.text == #"{"escalation":{"level":2}}"#)
        #expect(comments[1].authoredAt?.text == "2011-06-07 10:40:02 -0700")
        #expect(
            Array(request.body[comments[1].byteRange]).text.hasPrefix(
                #"{"uuid":"fd2104476c6823c288259a8bc9da699ac5f65c57""#
            )
        )
    }

    @Test func `RT shares without comments, and its comments are public`() throws {
        let share = try WireRequest("rt/02").ticketMessage()
        #expect(share.comments.isEmpty && share.subject == "Größe der Blende falsch gemeldet")
        let update = try WireRequest("rt/03").ticketMessage()
        #expect(update.saidMembers == [.uuid, .subject, .status, .comments, .currentActor])
        #expect(update.comments.map(\.isPublic) == [true])
        #expect(update.comments[0].body == "Confirmed on three bodies.\r\nFix in 1.4.2.")
        #expect(update.comments[0].authoredAt?.microseconds == 1_290_637_523_000_000)
    }

    @Test func `null says nothing`() throws {
        let update = try WireRequest("gem/03").ticketMessage()
        #expect(update.saidMembers == [.uuid, .status, .comments, .currentActor])
        #expect(update.subject == nil && update.tags == nil && update.customFields == nil && update.originalID == nil)
    }

    @Test func `a share must name its ticket, an update need not`() throws {
        #expect(fault { _ = try TicketMessage(text: "{}", isShare: true) }?.code == .missingMember)
        #expect(fault { _ = try TicketMessage(text: #"{"uuid":null}"#, isShare: true) }?.code == .missingMember)
        #expect(try TicketMessage(text: "{}").saidMembers == [])
        #expect(try TicketMessage(text: #"{"uuid":"\u0074"}"#, isShare: true).saidMembers == [.uuid])
        #expect(fault { _ = try TicketMessage(text: #"{"uuid":"u"}"#) }?.code == .identifierMismatch)
    }

    @Test func `a number of origin may be text or number`() throws {
        #expect(try TicketMessage(text: #"{"original_id":10482}"#).originalID == .number("10482"))
        #expect(try TicketMessage(text: #"{"original_id":1e400000}"#).originalID == .number("1e400000"))
        #expect(try TicketMessage(text: #"{"original_id":"A-1"}"#).originalID == .text("A-1"))
    }

    @Test func `what we do not interpret is taken and kept as it is`() throws {
        let fields = #"{ "a":"\u0000","b":"\ud800","c":1e400000,"d":1,"d":[{"d":1,"d":2}] }"#
        let message = try TicketMessage(
            text: #"{"custom_fields":\#(fields),"other":\#(fields),"comments":[{"uuid":"c","x":\#(fields)}]}"#
        )
        #expect(message.customFields?.text == fields)
        #expect(message.unknownMembers.map(\.value.text) == [fields])
        #expect(message.comments[0].comment.unknownMembers.map(\.value.text) == [fields])
    }

    // MARK: Faults

    /// Where each kind of object stands in a message, and what its members may be.
    private static let objects: [(path: String, before: String, after: String, members: [(String, [String])])] = [
        (
            "", "{", "}",
            [
                ("uuid", ["string"]), ("subject", ["string"]), ("requested_at", ["string"]), ("status", ["string"]),
                ("requester", ["object"]), ("comments", ["array"]), ("current_actor", ["object"]), ("tags", ["array"]),
                ("original_id", ["string", "number"]), ("custom_fields", ["object"]), ("custom_status", ["string"]),
            ]
        ),
        ("requester.", #"{"requester":{"#, "}}", actor),
        ("current_actor.", #"{"current_actor":{"#, "}}", actor),
        (
            "comments[1].", #"{"comments":[{"uuid":"c"},{"#, "}]}",
            [
                ("author", ["object"]), ("body", ["string"]), ("html_body", ["string"]), ("authored_at", ["string"]),
                ("public", ["bool"]), ("attachments", ["array"]), ("custom_fields", ["object"]),
            ]
        ),
        ("comments[0].author.", #"{"comments":[{"uuid":"c","author":{"#, "}}]}", actor),
        (
            "comments[0].attachments[0].", #"{"comments":[{"uuid":"c","attachments":[{"url":"u","filename":"f","#,
            "}]}]}",
            [("content_type", ["string"]), ("display_filename", ["string"])]
        ),
    ]

    private static let actor = [("uuid", ["string"]), ("name", ["string"]), ("role", ["string"])]

    @Test func `every member of a wrong type is refused by its path, at every level`() {
        for (path, before, after, members) in Self.objects {
            for (member, kinds) in members {
                for (kind, value) in WrongTypes.values {
                    let filler = path == "comments[1]." ? #""uuid":"d","# : ""
                    let body = "\(before)\(filler)\"\(member)\":\(value)\(after)"
                    let refused = fault { _ = try TicketMessage(text: body) }
                    let isWrongType =
                        refused?.code == .wrongType && refused?.detail.hasPrefix("\(path)\(member) must be ") == true
                    #expect(isWrongType == !kinds.contains(kind), "\(body): \(String(describing: refused))")
                    #expect(refused == nil || refused?.status == .unprocessable)
                }
            }
        }
    }

    @Test func `a member that stands twice is refused at every level, known or not`() {
        for (path, before, after, members) in Self.objects {
            let names = members.map(\.0) + ["unknown"]
            for member in names {
                let filler = path == "comments[1]." ? #""uuid":"d","# : ""
                let body = "\(before)\(filler)\"\(member)\":null,\"\(member)\":null\(after)"
                let refused = fault { _ = try TicketMessage(text: body) }
                #expect(refused?.code == .duplicateMember, "\(body)")
                #expect(
                    member == "unknown" || refused?.detail.hasPrefix("\(path)\(member) stands twice") == true,
                    "\(body)"
                )
            }
        }
    }

    @Test func `text that cannot be stored is refused at every level`() {
        for (path, before, after, members) in Self.objects {
            for (member, kinds) in members
            where kinds.contains("string") && !["uuid", "requested_at", "authored_at"].contains(member) {
                let filler = path == "comments[1]." ? #""uuid":"d","# : ""
                for escape in [#"\u0000"#, #"\ud800"#] {
                    let body = "\(before)\(filler)\"\(member)\":\"a\(escape)\"\(after)"
                    #expect(fault { _ = try TicketMessage(text: body) }?.code == .invalidText, "\(body)")
                }
            }
        }
    }

    @Test(arguments: [
        (#"{"comments":[{}]}"#, "comments[0].uuid is required"),
        (#"{"comments":[{"uuid":null}]}"#, "comments[0].uuid is required"),
        (#"{"comments":[{"uuid":1}]}"#, "comments[0].uuid must be a string"),
        (
            #"{"comments":[{"uuid":"a b"}]}"#,
            "comments[0].uuid must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots"
        ),
        (#"{"comments":[null]}"#, "comments[0] must be an object"),
        (#"{"comments":[{"uuid":"c"},"x"]}"#, "comments[1] must be an object"),
        (#"{"comments":[{"uuid":"c","attachments":[1]}]}"#, "comments[0].attachments[0] must be an object"),
        (
            #"{"comments":[{"uuid":"c","attachments":[{"filename":"f"}]}]}"#,
            "comments[0].attachments[0].url is required"
        ),
        (
            #"{"comments":[{"uuid":"c","attachments":[{"url":"u","filename":null}]}]}"#,
            "comments[0].attachments[0].filename is required"
        ),
        (#"{"comments":[{"uuid":"c","attachments":[{"url":1}]}]}"#, "comments[0].attachments[0].url must be a string"),
        (
            #"{"comments":[{"uuid":"c","authored_at":"now"}]}"#,
            "comments[0].authored_at must be a time such as 2010-11-24 14:13:54 -0800 or 2010-11-24T22:13:54Z"
        ),
        (
            #"{"requested_at":"2011-02-29"}"#,
            "requested_at must be a time such as 2010-11-24 14:13:54 -0800 or 2010-11-24T22:13:54Z"
        ),
        (
            #"{"requested_at":"2011-02-28\u0000"}"#,
            "requested_at must be a time such as 2010-11-24 14:13:54 -0800 or 2010-11-24T22:13:54Z"
        ),
        (#"{"tags":["a",1]}"#, "tags element 1 must be a string"),
        (#"{"tags":["a",null]}"#, "tags element 1 must be a string"),
        (#"{"tags":["\u0000"]}"#, "tags element 0 must not hold a NUL character"),
        (
            #"{"requester":{"uuid":".."}}"#,
            "requester.uuid must be 1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots"
        ),
        (#"{"original_id":true}"#, "original_id must be a string or a number"),
    ])
    func `a fault names what is at fault`(body: String, detail: String) {
        #expect(fault { _ = try TicketMessage(text: body) }?.detail == detail)
        #expect(fault { _ = try TicketMessage(text: body) }?.status == .unprocessable)
    }

    @Test func `over a limit is 422`() throws {
        var limits = TicketLimits()
        (limits.commentCount, limits.attachmentCount, limits.tagCount, limits.unknownMemberCount) = (1, 1, 1, 1)
        (limits.labelByteCount, limits.lineByteCount, limits.bodyByteCount) = (3, 4, 5)
        let file = #"{"url":"u","filename":"f"}"#
        let bodies = [
            (#"{"comments":[{"uuid":"c"}]}"#, #"{"comments":[{"uuid":"c"},{"uuid":"d"}]}"#),
            (
                #"{"comments":[{"uuid":"c","attachments":[\#(file)]}]}"#,
                #"{"comments":[{"uuid":"c","attachments":[\#(file),\#(file)]}]}"#
            ),
            (#"{"tags":["abc"]}"#, #"{"tags":["abcd"]}"#), (#"{"tags":["a"]}"#, #"{"tags":["a","b"]}"#),
            (#"{"x":1}"#, #"{"x":1,"y":2}"#), (#"{"requester":{"x":1}}"#, #"{"requester":{"x":1,"y":2}}"#),
            (#"{"status":"new"}"#, #"{"status":"open"}"#), (#"{"subject":"abcd"}"#, #"{"subject":"abcde"}"#),
            (#"{"original_id":123}"#, #"{"original_id":1234}"#),
            (#"{"original_id":"123"}"#, #"{"original_id":"1234"}"#),
            (#"{"comments":[{"uuid":"c","body":"abcde"}]}"#, #"{"comments":[{"uuid":"c","body":"abcdef"}]}"#),
        ]
        for (within, over) in bodies {
            #expect(fault { _ = try TicketMessage(text: within, limits: limits) } == nil, "\(within)")
            #expect(fault { _ = try TicketMessage(text: over, limits: limits) }?.code == .overLimit, "\(over)")
        }
        let comments = (0...1_000).map { "{\"uuid\":\"c\($0)\"}" }
        let many = "{\"comments\":[\(comments.joined(separator: ","))]}"
        #expect(fault { _ = try TicketMessage(text: many) }?.detail == "comments must not have over 1000 elements")
    }

    @Test func `a real body cut or changed anywhere never traps, and its faults are 422`() throws {
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        let requests = try ["gem/02", "gem/03", "rt/02", "rt/03"].map { try WireRequest($0) }
        for number in 0..<4_000 {
            let request = requests[number % requests.count]
            var body = request.body
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<body.count, using: &random)
                body[index] = Array("\"\\{}[],:01enu x".utf8).randomElement(using: &random)!
            }
            do {
                let document = try JSONDocument(parsing: body)
                let message = try TicketMessage(document, isShare: request.method == .post, id: TicketID(request.id)!)
                var ticket = Ticket(id: message.id)
                ticket.apply(.share(message), by: .sender, under: .all)
                _ = try JSONDocument(parsing: ticket.encoded())
            } catch let error as ProtocolFault {
                #expect(error.status == .unprocessable, "seed \(seed)")
            } catch {
                #expect(error is JSONError, "seed \(seed)")
            }
        }
    }
}
