import JSON
import Testing
import TicketSharing

@Suite struct StateMessageTests {
    private func ticket(commentSizes: [Int]) throws -> Ticket {
        let comments = try commentSizes.enumerated().map { number, size in
            TicketComment(id: try #require(CommentID("c\(number)")), body: String(repeating: "x", count: size))
        }
        return Ticket(
            id: try #require(TicketID("t")),
            isShared: true,
            subject: "S",
            status: "open",
            comments: comments,
            currentActor: TicketActor(id: nil, name: "A"),
            tags: ["a"]
        )
    }

    /// What a partner holds after these messages, in this order.
    private func received(_ messages: [StateMessage]) throws -> Ticket {
        var ticket = Ticket(id: try #require(TicketID("t")), isShared: true)
        for message in messages {
            let body = try TicketMessage(
                JSONDocument(parsing: message.body),
                isShare: message.method == .post,
                id: ticket.id
            )
            ticket.apply(message.method == .post ? .share(body) : .update(body), by: .sender, under: .all)
        }
        return ticket
    }

    @Test func `a small ticket is one message, the ticket itself`() throws {
        let ticket = try ticket(commentSizes: [10, 20])
        let messages = ticket.stateMessages(isShare: true)
        #expect(messages.map(\.method) == [.post])
        #expect(messages[0].body == ticket.encoded() && !messages[0].exceedsLimit)
        #expect(ticket.stateMessages(isShare: false).map(\.method) == [.put])
    }

    @Test func `many comments go over in many messages, and all of them arrive`() throws {
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let sizes = (0..<Int.random(in: 0..<30, using: &random)).map { _ in Int.random(in: 0..<300, using: &random)
            }
            let ticket = try ticket(commentSizes: sizes)
            let limits = Ticket.StateMessageLimits(
                maximumByteCount: Int.random(in: 450..<1_500, using: &random),
                maximumCommentCount: Int.random(in: 1..<9, using: &random)
            )
            let messages = ticket.stateMessages(isShare: true, limits: limits)
            #expect(messages.first?.method == .post)
            #expect(messages.dropFirst().allSatisfy { $0.method == .put && !$0.comments.isEmpty })
            #expect(
                messages.allSatisfy { $0.body.count <= limits.maximumByteCount && !$0.exceedsLimit },
                "seed \(seed)"
            )
            #expect(messages.allSatisfy { $0.comments.count <= limits.maximumCommentCount })
            #expect(messages.flatMap(\.comments) == ticket.comments.map(\.id))
            #expect(try received(messages) == ticket, "seed \(seed)")
        }
    }

    @Test func `a message is filled to the last byte of its limit`() throws {
        let ticket = try ticket(commentSizes: [10, 20, 30])
        let all = ticket.encoded().count
        #expect(ticket.stateMessages(isShare: true, limits: .init(maximumByteCount: all)).count == 1)
        #expect(ticket.stateMessages(isShare: true, limits: .init(maximumByteCount: all - 1)).count == 2)
    }

    @Test func `a comment over the limit stands alone and says so`() throws {
        let ticket = try ticket(commentSizes: [10, 5_000, 10])
        let messages = ticket.stateMessages(
            isShare: false,
            limits: .init(maximumByteCount: 400, maximumCommentCount: 0)
        )
        #expect(messages.map(\.exceedsLimit) == [false, true, false])
        #expect(messages.map { $0.comments.map(\.text) } == [["c0"], ["c1"], ["c2"]])
        let tiny = ticket.stateMessages(isShare: true, limits: .init(maximumByteCount: 10))
        #expect(tiny.map(\.exceedsLimit) == [true, true, true, true])
        #expect(try received(tiny) == ticket)
    }

    @Test func `what may not be sent is in none of the messages`() throws {
        let messages = try ticket(commentSizes: [1]).stateMessages(
            isShare: true,
            under: Agreement.Permissions(syncsTags: false)
        )
        #expect(!messages[0].body.text.contains("tags"))
    }
}
