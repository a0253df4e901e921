import JSON
import Testing
import TicketSharing

@Suite struct TicketTests {
    private func ticket(_ changes: [(String, AgreementRole)], under permissions: Agreement.Permissions = .all) throws
        -> Ticket
    {
        var ticket = Ticket(id: try #require(TicketID("t")))
        for (number, (text, role)) in changes.enumerated() {
            let message = try TicketMessage(text: text)
            ticket.apply(number == 0 ? .share(message) : .update(message), by: role, under: permissions)
        }
        return ticket
    }

    // MARK: Real histories

    @Test func `the gem's history folds to the ticket it left`() throws {
        let share = try WireRequest("gem/02").ticketMessage()
        var ticket = Ticket(id: share.id)
        #expect(ticket.deviations(in: .share(share), by: .sender, under: .all) == [])
        ticket.apply(.share(share), by: .sender, under: .all)
        let update = try WireRequest("gem/03").ticketMessage()
        #expect(ticket.deviations(in: .update(update), by: .sender, under: .all) == [])
        ticket.apply(.update(update), by: .sender, under: .all)
        #expect(ticket.isShared)
        #expect(ticket.subject == share.subject && ticket.tags == ["lens", "autofocus", "vip"])
        #expect(ticket.status == "pending" && ticket.customStatus == "Waiting on supplier")
        #expect(ticket.comments.map(\.id) == share.comments.map(\.id) + update.comments.map(\.id))
        #expect(ticket.comments.map(\.isPublic) == [true, false, true])
        #expect(ticket.originalID == .text("10482") && ticket.requester?.name == "Jörg Müller 山田")
        ticket.apply(.unshare, by: .sender, under: .all)
        #expect(!ticket.isShared && ticket.comments.count == 3)
    }

    @Test func `RT's history folds to the ticket it left`() throws {
        let share = try WireRequest("rt/02").ticketMessage()
        var ticket = Ticket(id: share.id)
        ticket.apply(.share(share), by: .sender, under: .all)
        ticket.apply(.update(try WireRequest("rt/03").ticketMessage()), by: .receiver, under: .all)
        #expect(ticket.subject == "Blende: firmware reports f/0.0" && ticket.status == "pending")
        #expect(ticket.requester?.name == "John Doe" && ticket.currentActor?.name == "Frieda Öz")
        #expect(ticket.comments.map(\.author?.name) == ["Frieda Öz"])
        #expect(ticket.requestedAt?.text == "2010-11-24 14:13:54 -0800")
    }

    @Test(arguments: ["gem/02", "rt/02"])
    func `a ticket written out reads back as itself`(name: String) throws {
        let share = try WireRequest(name).ticketMessage()
        let ticket = Ticket(id: share.id).sharing(share)
        let again = try TicketMessage(JSONDocument(parsing: ticket.encoded()), isShare: true, id: ticket.id)
        #expect(Ticket(id: share.id).sharing(again) == ticket)
        #expect(Ticket(id: share.id).sharing(again).encoded() == ticket.encoded())
    }

    // MARK: Rules

    @Test func `comments are added by name, and none is changed or taken twice`() throws {
        let result = try ticket([
            (#"{"comments":[{"uuid":"a","body":"1"},{"uuid":"a","body":"2"}]}"#, .sender),
            (#"{"comments":[{"uuid":"b"},{"uuid":"a","body":"3","public":false}]}"#, .receiver),
            (#"{"comments":[]}"#, .sender),
        ])
        #expect(result.comments.map(\.id.text) == ["a", "b"])
        #expect(result.comments[0].body == "1" && result.comments[0].isPublic)
        #expect(result.holdsComment(try #require(CommentID("b"))))
    }

    @Test func `names of comments are enough to fold what follows`() throws {
        let known = try #require(CommentID("a"))
        var ticket = Ticket(id: try #require(TicketID("t")), isShared: true, otherCommentIDs: [known])
        ticket.apply(
            .update(try TicketMessage(text: #"{"comments":[{"uuid":"a"},{"uuid":"b"}]}"#)),
            by: .sender,
            under: .all
        )
        #expect(ticket.comments.map(\.id.text) == ["b"])
        #expect(ticket.commentIDs.count == 2)
    }

    @Test func `null clears nothing, not even in a POST or of what we do not know`() throws {
        let said =
            #"{"subject":"s","status":"open","tags":["x"],"custom_fields":{"a":1},"custom_status":"c","extra":{"b":2},"original_id":7}"#
        let nulls =
            #"{"subject":null,"status":null,"tags":null,"custom_fields":null,"custom_status":null,"extra":null,"new":null,"original_id":null}"#
        let once = try ticket([(said, .sender)])
        #expect(try ticket([(said, .sender), (nulls, .sender)]) == once)
        #expect(once.sharing(try TicketMessage(text: nulls)) == once)
        #expect(once.unknownMembers.map(\.value.text) == [#"{"b":2}"#])
    }

    @Test func `unknown members are merged by their decoded names`() throws {
        let result = try ticket([
            (#"{"b":1,"a":{"x":[1]},"\ud800":1}"#, .sender), (#"{"c":3,"\u0062":2,"\uD800":[ ]}"#, .sender),
        ])
        #expect(result.encoded().text == #"{"uuid":"t","comments":[],"\u0062":2,"a":{"x":[1]},"\uD800":[ ],"c":3}"#)
    }

    @Test func `an orphan takes nothing until it is shared again`() throws {
        var orphan = try ticket([(#"{"subject":"s","comments":[{"uuid":"a"}]}"#, .sender)])
        orphan.apply(.unshare, by: .receiver, under: .all)
        let before = orphan
        orphan.apply(.update(try TicketMessage(text: #"{"subject":"late"}"#)), by: .sender, under: .all)
        #expect(orphan == before)
        let again = try TicketMessage(
            text: #"{"uuid":"t","status":"open","comments":[{"uuid":"a"},{"uuid":"b"}]}"#,
            isShare: true
        )
        orphan.apply(.share(again), by: .sender, under: .all)
        #expect(orphan.isShared && orphan.subject == "s" && orphan.comments.map(\.id.text) == ["a", "b"])
    }

    // MARK: Permissions

    @Test func `a bound receiver changes no status and adds private comments only`() throws {
        let bound = Agreement.Permissions(allowsPublicComments: false)
        var result = try ticket([(#"{"status":"open","comments":[{"uuid":"a"}]}"#, .sender)], under: bound)
        #expect(result.comments[0].isPublic)
        let update = try TicketMessage(
            text:
                #"{"status":"solved","custom_status":"x","comments":[{"uuid":"b"},{"uuid":"c","public":false},{"uuid":"a"}]}"#
        )
        let deviations = result.deviations(in: .update(update), by: .receiver, under: bound)
        result.apply(.update(update), by: .receiver, under: bound)
        #expect(deviations.map(\.member) == ["status", "custom_status", "comments.public"])
        #expect(deviations.map(\.comment?.text) == [nil, nil, "b"])
        #expect(result.status == "open" && result.customStatus == nil)
        #expect(result.comments.map(\.isPublic) == [true, false, false])
        let same = try TicketMessage(text: #"{"status":"open"}"#)
        #expect(result.deviations(in: .update(same), by: .receiver, under: bound) == [])
        #expect(result.deviations(in: .update(update), by: .receiver, under: .all) == [])
        result.apply(.update(update), by: .receiver, under: .all)
        #expect(result.status == "solved")
    }

    @Test(arguments: AgreementRole.allCases)
    func `tags and custom fields that are not shared are left out on both sides`(role: AgreementRole) throws {
        let closed = Agreement.Permissions(syncsTags: false, syncsCustomFields: false)
        var result = Ticket(id: try #require(TicketID("t")), isShared: true)
        let message = try TicketMessage(
            text: #"{"tags":["x"],"custom_fields":{"a":1},"comments":[{"uuid":"c","custom_fields":{"b":2}}]}"#
        )
        let deviations = result.deviations(in: .update(message), by: role, under: closed)
        result.apply(.update(message), by: role, under: closed)
        #expect(deviations.map(\.member) == ["tags", "custom_fields", "comments.custom_fields"])
        #expect(result.tags == nil && result.customFields == nil && result.comments[0].customFields == nil)
        let empty = try TicketMessage(
            text: #"{"tags":[],"custom_fields":{ },"comments":[{"uuid":"d","custom_fields":{}}]}"#
        )
        #expect(result.deviations(in: .update(empty), by: role, under: closed) == [])
        var open = Ticket(id: result.id, isShared: true)
        open.apply(.update(message), by: role, under: .all)
        #expect(open.encoded(under: closed).text == #"{"uuid":"t","comments":[{"uuid":"c","public":true}]}"#)
    }

    @Test func `what a ticket has already is not beyond the permissions, and what differs is`() throws {
        let said =
            #"{"status":"open","custom_status":"x","tags":["a","b"],"custom_fields":{"f":1},"comments":[{"uuid":"c","custom_fields":{"g":1}}]}"#
        let before = try ticket([(said, .sender)])
        let bound = Agreement.Permissions(syncsTags: false, syncsCustomFields: false, allowsPublicComments: false)
        func deviations(_ text: String) throws -> [String] {
            before.deviations(in: .update(try TicketMessage(text: text)), by: .receiver, under: bound).map(\.member)
        }
        #expect(try deviations(said) == [])
        #expect(try deviations(#"{"status":"new"}"#) == ["status"])
        #expect(try deviations(#"{"custom_status":"X"}"#) == ["custom_status"])
        #expect(try deviations(#"{"tags":["b","a"]}"#) == ["tags"])
        #expect(try deviations(#"{"tags":["a"]}"#) == ["tags"])
        #expect(try deviations(#"{"custom_fields":{"f":2}}"#) == ["custom_fields"])
        #expect(
            try deviations(#"{"comments":[{"uuid":"d","custom_fields":{"g":1}}]}"#)
                == ["comments.public", "comments.custom_fields"]
        )
    }

    // MARK: Admission

    @Test func `who may do what to which ticket is told with the protocol's statuses`() throws {
        func agreement(_ status: Agreement.Status) throws -> Agreement {
            Agreement(
                id: try #require(AgreementID("a")),
                name: nil,
                senderURL: try BaseURL("https://a.example"),
                receiverURL: try BaseURL("https://b.example"),
                status: status,
                deactivatedBy: nil,
                permissions: .all
            )
        }
        let message = try TicketMessage(text: #"{"uuid":"t"}"#, isShare: true)
        let shared = try ticket([("{}", .sender)])
        var orphan = shared
        orphan.apply(.unshare, by: .sender, under: .all)
        let accepted = try agreement(.accepted)
        for change in [TicketChange.share(message), .update(message), .unshare] {
            for status in Agreement.Status.allCases where status != .accepted {
                let refusal = change.refusal(by: .sender, under: try agreement(status), to: shared)
                #expect(refusal?.status == .forbidden && refusal?.code == .agreementNotAccepted)
            }
        }
        #expect(TicketChange.share(message).refusal(by: .receiver, under: accepted, to: nil)?.status == .forbidden)
        #expect(TicketChange.share(message).refusal(by: .sender, under: accepted, to: nil) == nil)
        #expect(TicketChange.share(message).refusal(by: .sender, under: accepted, to: orphan) == nil)
        #expect(TicketChange.share(message).refusal(by: .sender, under: accepted, to: shared)?.status == .unprocessable)
        for change in [TicketChange.update(message), .unshare] {
            for role in AgreementRole.allCases {
                #expect(change.refusal(by: role, under: accepted, to: nil)?.status == .notFound)
                #expect(change.refusal(by: role, under: accepted, to: orphan)?.status == .notFound)
                #expect(change.refusal(by: role, under: accepted, to: shared) == nil)
            }
        }
    }
}

extension Ticket {
    /// The ticket as it is shared, or shared again, by a message.
    fileprivate func sharing(_ message: TicketMessage) -> Ticket {
        var ticket = self
        ticket.apply(.share(message), by: .sender, under: .all)
        return ticket
    }
}
