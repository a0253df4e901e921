import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestSupport
import Testing
import TicketSharing

/// What a decision finds beyond an agreement, against the plain fold of all that was said before.
@Suite(.ledger)
struct DeviationTests {
    private let url = "https://lens.example/sharing"

    @Test func `a message that says nothing new says nothing beyond the agreement, followed or not`() async throws {
        let ledger = try await LedgerFixture()
        try await ledger.addPartner("lens", url)
        let bound = #","sync_tags":false,"sync_custom_fields":false,"allows_public_comments":false"#
        let token = try await ledger.agree("a1", with: "lens", at: url, weSend: true)
        let said = #"{"uuid":"t1","custom_status":"x","tags":["a"],"custom_fields":{"f":1},"comments":[{"uuid":"c1"}]}"#
        #expect(try await ledger.send("POST", "tickets/t1", said, token: token, to: "lens").status == 201)
        let change = "{\(bound.dropFirst())}"
        #expect(try await ledger.send("PUT", "agreements/a1", change, token: token, to: "lens").status == 200)
        func beyond(_ body: String) async throws -> String? {
            let answer = try await ledger.send("PUT", "tickets/t1", body, token: token)
            let position = try #require(answer.receipt).position
            return try await ledger.session { session in
                try session.query(
                    """
                    SELECT convert_from(content, 'UTF8')::json ->> 'not_taken'
                    FROM ledger.payload
                    WHERE position = \(position)
                        AND part = 'facts'
                    """
                ).onlyRow()[0, as: String?.self]
            }
        }
        // All of it is still to be followed, then some, then nothing.
        #expect(try await beyond(said.replacing(#"{"uuid":"t1","#, with: #"{"subject":"1","#)) == nil)
        try await ledger.follow()
        #expect(try await beyond(said.replacing(#"{"uuid":"t1","#, with: #"{"subject":"2","#)) == nil)
        #expect(
            try await beyond(#"{"custom_status":"y","comments":[{"uuid":"c1"},{"uuid":"c2"}]}"#)
                == #"[{"member":"custom_status"},{"member":"comments.public","comment":"c2"}]"#
        )
        #expect(try await beyond(#"{"subject":"3","comments":[{"uuid":"c2"}]}"#) == nil)
        try await ledger.follow()
        #expect(try await beyond(#"{"subject":"4","comments":[{"uuid":"c2"}]}"#) == nil)
        #expect(try await beyond(#"{"subject":"5","custom_status":"y"}"#) == #"[{"member":"custom_status"}]"#)
    }

    @Test func `deviations of generated messages are those of the fold, wherever the follower is`() async throws {
        let ledger = try await LedgerFixture()
        try await ledger.addPartner("lens", url)
        let token = try await ledger.agree("a1", with: "lens", at: url, weSend: true)
        var random = SeededGenerator(seed: SeededGenerator.seed)
        func flag() -> Bool { Bool.random(using: &random) }
        for ticket in ["t1", "t2"] {
            let body = #"{"uuid":"\#(ticket)","status":"open"}"#
            #expect(try await ledger.send("POST", "tickets/\(ticket)", body, token: token, to: "lens").status == 201)
        }
        for step in 0..<12 {
            let permissions =
                #"{"sync_tags":\#(flag()),"sync_custom_fields":\#(flag()),"allows_public_comments":\#(flag())}"#
            let changed = try await ledger.send("PUT", "agreements/a1", permissions, token: token, to: "lens")
            #expect(changed.status == 200)
            if flag() { try await ledger.follow() }
            // Several at once are decided in one transaction, one on top of the other.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    let ticket = flag() ? "t1" : "t2"
                    let partner: String? = flag() ? "lens" : nil
                    var members = [#""subject":"\#(step)-\#(number)""#]
                    if flag() { members.append(#""status":"\#(flag() ? "open" : "solved")""#) }
                    if flag() { members.append(#""custom_status":"\#(flag() ? "x" : "y")""#) }
                    if flag() { members.append(#""tags":\#(flag() ? "[\"a\"]" : "[\"b\"]")"#) }
                    if flag() { members.append(#""custom_fields":{"f":\#(flag() ? 1 : 2)}"#) }
                    let comment = Int.random(in: 0..<20, using: &random)
                    members.append(#""comments":[{"uuid":"c\#(comment)","custom_fields":{"g":1}}]"#)
                    let body = "{\(members.joined(separator: ","))}"
                    group.addTask {
                        let answer = try await ledger.send("PUT", "tickets/\(ticket)", body, token: token, to: partner)
                        try #require(answer.status == 200)
                    }
                }
                try await group.waitForAll()
            }
        }
        let count = try await ledger.session { session in try expectFolded(in: &session) }
        #expect(count > 20)
    }

    /// Holds the deviations of every message against the fold of those before; returns how many there were.
    private func expectFolded(in session: inout PostgresSession) throws -> Int {
        var tickets: [String: Ticket] = [:]
        var count = 0
        for event in try LedgerReader.events(where: "sh.ticket IS NOT NULL", in: &session) {
            let parts = try LedgerReader.parts(of: event.position, in: &session)
            let (name, id) = (try #require(event.ticket), try #require(event.ticket.flatMap { TicketID($0) }))
            let facts = try JSONDocument(parsing: try #require(parts[.facts]).content).root
            let message = try TicketMessage(
                JSONDocument(parsing: try #require(parts[.body]).content),
                isShare: false,
                id: id
            )
            let said = try #require(facts.member("permissions"))
            let permissions = Agreement.Permissions(
                syncsTags: said.member("sync_tags")?.bool != false,
                syncsCustomFields: said.member("sync_custom_fields")?.bool != false,
                allowsPublicComments: said.member("allows_public_comments")?.bool != false,
            )
            let role = try #require(AgreementRole(rawValue: facts.member("by")?.string ?? ""))
            let change = event.type == .ticketShared ? TicketChange.share(message) : .update(message)
            var ticket = tickets[name] ?? Ticket(id: id)
            let expected = ticket.deviations(in: change, by: role, under: permissions)
            ticket.apply(change, by: role, under: permissions)
            tickets[name] = ticket
            let list = facts.member("not_taken") ?? facts.member("disclosed_beyond")
            let recorded = (list?.elements).map { Array($0) } ?? []
            #expect(recorded.map { $0.member("member")?.string } == expected.map(\.member), "event \(event.position)")
            #expect(recorded.map { $0.member("comment")?.string } == expected.map { $0.comment?.text })
            count += expected.count
        }
        return count
    }
}
