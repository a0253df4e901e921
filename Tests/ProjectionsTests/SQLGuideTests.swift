import Foundation
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

/// Every question of `docs/sql.md` on a story whose answers are known.
@Suite(.ledger) struct SQLGuideTests {
    @Test func `every question of the guide is answered as the story says`() async throws {
        let story = try await Story()
        var answered: Set<String> = []
        for (question, query) in try Self.questions {
            let answer = try await story.ask(query)
            let expected = try #require(Self.answers[question], "no answer is known to: \(question)")
            #expect(answer == expected, "\(question)")
            answered.insert(question)
        }
        #expect(answered.count >= 25 && answered == Set(Self.answers.keys))
    }

    /// Headings of the third level, and the query below each.
    private static var questions: [(question: String, query: String)] {
        get throws {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "../../docs/sql.md").standardizedFileURL
            let text = try String(contentsOf: file, encoding: .utf8)
            return try text.components(separatedBy: "\n### ").dropFirst().map { section in
                let question = String(section.prefix { $0 != "\n" })
                let parts = section.components(separatedBy: "```sql\n")
                try #require(parts.count == 2, "\(question)")
                return (
                    question, String(parts[1].prefix(upTo: try #require(parts[1].firstRange(of: "```")).lowerBound))
                )
            }
        }
    }
}

// MARK: - The story

/// Three partners: Lenswerk, with whom we share a camera's ticket; a city that shares one with us; and a lab that it goes on to.
private struct Story {
    private let ledger: LedgerFixture

    init() async throws {
        let clock = TestClock(try Self.time("2026-03-02T09:00"))
        let ledger = try await LedgerFixture(clock: { clock.time })
        self.ledger = ledger
        func at(_ text: String) throws { clock.time = try Self.time(text) }
        func taken(_ message: Answer, _ agreement: String, _ ticket: String?) async throws {
            let receipt = try #require(message.receipt)
            try await ledger.attempt(receipt, agreement: agreement, ticket: ticket)
            try await ledger.tamper("DELETE FROM delivery.queue WHERE message_position = \(receipt.position)")
        }
        let urls = ["lens": "https://lens.example/s", "city": "https://city.example/s", "lab": "https://lab.example/s"]
        for (name, url) in urls.sorted(by: { $0.key < $1.key }) { try await ledger.addPartner(name, url) }
        let a1 = try await ledger.agree("a1", with: "lens", at: urls["lens"]!, weSend: true)
        let a2 = try await ledger.agree("a2", with: "city", at: urls["city"]!, weSend: false)
        let a3 = try await ledger.agree(
            "a3",
            with: "lab",
            at: urls["lab"]!,
            weSend: true,
            #","sync_tags":false"#,
        )
        try await ledger.tamper("DELETE FROM delivery.queue")

        try at("2026-03-02T10:00")
        let shared = try await ledger.send(
            "POST",
            "tickets/t1",
            """
            {"uuid":"t1","subject":"Autofocus hunts","status":"new","tags":["lens"],"custom_fields":{"serial":"LX-9"},\
            "requester":{"uuid":"customer-77","name":"A customer","role":"end-user"},"comments":[\
            {"uuid":"c1","body":"It hunts.","author":{"uuid":"customer-77","name":"A customer","role":"end-user"}},\
            {"uuid":"c2","body":"The third one.","public":false,"author":{"uuid":"desk","name":"The desk","role":"agent"},\
            "attachments":[{"url":"https://us.example/f/1","filename":"f1.jpg","content_type":"image/jpeg"}]}]}
            """,
            token: a1,
            to: "lens",
        )
        try await taken(shared, "a1", "t1")
        try at("2026-03-02T11:00")
        try await ledger.send(
            "PUT",
            "tickets/t1",
            """
            {"status":"pending","comments":[{"uuid":"L1","body":"Which serial?"}],\
            "current_actor":{"uuid":"lab-1","name":"The workshop","role":"agent"}}
            """,
            token: a1,
        )
        try at("2026-03-02T12:00")
        let late = try await ledger.send(
            "PUT",
            "tickets/t1",
            #"{"status":"open","tags":["lens","urgent"],"current_actor":{"uuid":"desk","name":"The desk","role":"agent"}}"#,
            token: a1,
            to: "lens",
        )
        try at("2026-03-02T12:05")
        try await ledger.send("PUT", "tickets/t1", #"{"status":"solved"}"#, token: a1)
        try at("2026-03-02T14:30")
        try await ledger.attempt(try #require(late.receipt), agreement: "a1", ticket: "t1", succeeds: false)
        try await taken(late, "a1", "t1")
        // One that ends, and one of which nobody knows whether it will arrive.
        let second = try await ledger.send(
            "POST",
            "tickets/t2",
            #"{"uuid":"t2","status":"new"}"#,
            token: a1,
            to: "lens"
        )
        try await taken(second, "a1", "t2")
        try await taken(try await ledger.send("DELETE", "tickets/t2", token: a1, to: "lens"), "a1", "t2")
        try await ledger.send("POST", "tickets/t3", #"{"uuid":"t3","status":"new"}"#, token: a1, to: "lens")

        try at("2026-03-03T08:00")
        try await ledger.send("PUT", "agreements/a1", #"{"status":"inactive"}"#, token: a1)
        try at("2026-03-04T08:00")
        try await ledger.send("PUT", "tickets/t1", #"{"status":"closed"}"#, token: a1, to: "lens")
        try at("2026-03-05T08:00")
        try await ledger.send("PUT", "agreements/a1", #"{"status":"accepted"}"#, token: a1)

        try at("2026-03-06T08:00")
        let pothole = #"{"uuid":"t9","subject":"A pothole","status":"new","comments":[{"uuid":"p1","body":"Deep."}]}"#
        try await ledger.send("POST", "tickets/t9", pothole, token: a2)
        let on = try await ledger.send(
            "POST",
            "tickets/t9",
            #"{"uuid":"t9","subject":"A pothole","status":"new","tags":["road"],"comments":[{"uuid":"p1","body":"Deep."}]}"#,
            token: a3,
            to: "lab",
        )
        try await taken(on, "a3", "t9")
        try await ledger.send("PUT", "tickets/t9", #"{"tags":["deep"]}"#, token: a3)
        try await ledger.store.erase([(try #require(second.receipt).position, "body")])
        try await ledger.tamper(
            """
            INSERT INTO delivery.replay (
                replay_id, mode, reason, operator, requested_at, finished_at, item_count, delivered_count)
            VALUES (1, 'state', 'their backup', 'root', '2026-03-06T08:00Z', '2026-03-06T08:01Z', 2, 2)
            """
        )
        try await ledger.follow()
    }

    private static func time(_ text: String) throws -> Timestamp {
        let date = try Date("\(text):00Z", strategy: .iso8601)
        return Timestamp(microseconds: Int64(date.timeIntervalSince1970) * 1_000_000)
    }

    /// The answer as psql prints it without alignment.
    func ask(_ query: String) async throws -> String {
        try await ledger.database.execute("SET timezone = 'UTC'; \(query)", as: .auditor)
    }
}

extension SQLGuideTests {
    private static let answers: [String: String] = [
        "What happened with one ticket, in order?":
            #"""
        10|ticket.shared|desk||uuid subject status requester tags custom_fields, status new, 2 comments
        11|attempt 1 to the partner: succeeded||10|200
        13|ticket.updated|partner||status current_actor, status pending, 1 comments
        14|ticket.updated|desk||status current_actor tags, status open
        15|ticket.updated|partner||status, status solved
        16|attempt 1 to the partner: failed||14|503
        18|attempt 1 to the partner: succeeded||14|200
        28|message.refused: agreement_not_accepted|desk||the agreement is inactive

        """#,
        "Which tickets are shared with a partner now?":
            #"""
        a1|t1|Autofocus hunts|solved|3
        a1|t3||new|0

        """#,
        "What does a partner hold that concerns one requester?":
            #"""
        t1|attachment|https://us.example/f/1|2026-03-02 10:00:00.000002+00
        t1|comment|L1|2026-03-02 11:00:00+00
        t1|comment|c1|2026-03-02 10:00:00.000002+00
        t1|comment|c2|2026-03-02 10:00:00.000002+00
        t1|custom_field|serial|2026-03-02 10:00:00.000002+00
        t1|tag|lens|2026-03-02 10:00:00.000002+00
        t1|tag|urgent|2026-03-02 14:30:00.000003+00

        """#,
        "Which comments of a ticket does the partner hold, since when, and by which message?":
            #"""
        c1|t|desk|2026-03-02 10:00:00.000002+00|10
        c2|f|desk|2026-03-02 10:00:00.000002+00|10
        L1|t|partner|2026-03-02 11:00:00+00|13

        """#,
        "Which private comments left the house?":
            #"""
        lens|t1|c2|The desk|2026-03-02 10:00:00.000002+00

        """#,
        "Which files went to a partner?":
            #"""
        t1|c2|f1.jpg|https://us.example/f/1|2026-03-02 10:00:00.000002+00

        """#,
        "Which tickets that one partner shared with us went on to another?":
            #"""
        t9|city|lab|a3

        """#,
        "What was sent though the agreement does not allow it?":
            #"""
        31|t9|[{"member": "tags"}]

        """#,
        "What of a partner's messages was not taken over?":
            #"""
        34|t9|[{"member": "tags"}]

        """#,
        "Who is named in a share, and does the partner know them?":
            #"""
        author|customer-77|A customer|end-user|1|t
        author|desk|The desk|agent|1|t
        current_actor|desk|The desk|agent|1|t
        current_actor|lab-1|The workshop|agent|1|t
        requester|customer-77|A customer|end-user|1|t

        """#,
        "Of which tickets does the partner keep a copy over which nothing goes any more?":
            #"""
        t2|lens|unshared|0|0

        """#,
        "How much was shared, ticket by ticket?":
            #"""
        t1|2|2|2|1|1
        t2|0|2|2|0|0
        t3|0|1|0|0|0

        """#,
        "Who changed what in a ticket?":
            #"""
        10|desk||status||"new"
        10|desk||tags||["lens"]
        13|partner|The workshop|status|"new"|"pending"
        14|desk|The desk|status|"pending"|"open"
        14|desk|The desk|tags|["lens"]|["lens", "urgent"]
        15|partner||status|"open"|"solved"

        """#,
        "How did a ticket look at a moment?":
            #"""
        custom_fields|{"serial": "LX-9"}|10|desk
        requester|{"name": "A customer", "role": "end-user", "uuid": "customer-77"}|10|desk
        shared|true|10|desk
        status|"pending"|13|partner
        subject|"Autofocus hunts"|10|desk
        tags|["lens"]|10|desk

        """#,
        "How did an agreement stand at a moment?":
            #"""
        allows_public_comments|true
        status|inactive

        """#,
        "When was an agreement changed, and by whom?":
            #"""
        2026-03-02 09:00:00.000004+00|desk|status||pending
        2026-03-02 09:00:00.000005+00|partner|status|pending|accepted
        2026-03-03 08:00:00+00|partner|status|accepted|inactive
        2026-03-05 08:00:00+00|partner|status|inactive|accepted

        """#,
        "Who changed the status first when both sides did?":
            #"""
        t1|14|"open"|15|"solved"

        """#,
        "On what do the two sides differ?":
            #"""
        t1|status|"solved"|"open"|crossed
        t3|status|"new"||never acknowledged

        """#,
        "What was tried while the agreement was inactive?":
            #"""
        28|message.refused|out|f|agreement_not_accepted

        """#,
        "What waits for a partner, and why?":
            #"""
        26|ticket.shared|t3|waiting|0|

        """#,
        "Which messages were acknowledged later than an hour after they were recorded?":
            #"""
        14|a1|t1|02:30:00

        """#,
        "What became of each try to deliver a message?":
            #"""
        1|partner|failed|503
        1|partner|succeeded|200

        """#,
        "How do the partners answer?":
            #"""
        city|up|0|0
        lab|up|0|0
        lens|up|1|0

        """#,
        "Why were messages refused?":
            #"""
        agreement_not_accepted|403|1|2026-03-04 08:00:00+00

        """#,
        "How many messages a day went over, each way?":
            #"""
        2026-03-02|in|3|3
        2026-03-02|out|6|6
        2026-03-03|in|1|1
        2026-03-04|out|0|1
        2026-03-05|in|1|1

        """#,
        "What did operators do, and why?":
            #"""
        0|epoch.opened|test||
        1|partner add|test||city
        2|partner add|test||lab
        3|partner add|test||lens
        35|payload erase|||

        """#,
        "Which replays were asked for?":
            #"""
        city|state|partner|their backup|finished|2|2

        """#,
        "What was erased?":
            #"""
        20|body|ticket.shared|a1|t2||

        """#,
        "Do the views that follow the ledger hold everything?":
            #"""
        0|0

        """#,
    ]
}
