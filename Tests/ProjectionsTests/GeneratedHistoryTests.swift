import Foundation
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Projections
import TestSupport
import Testing
import TicketSharing

/// Histories that nobody thought of, against a second, simple fold.
@Suite(.ledger)
struct GeneratedHistoryTests {
    @Test func `a share as of every position is the plain fold of the messages up to there`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed, messageCount: 150)
        let messages = generated.messages
        let end = try await generated.ledger.size()
        let asked = messages.map { (share: $0.share, position: $0.position) }
        let found = try await generated.ledger.session { session in
            var found: [Position: [UInt8]] = [:]
            for message in asked {
                let share = try Reconstructor.share(
                    agreement: AgreementID(message.share.agreement)!,
                    ticket: TicketID(message.share.ticket)!,
                    asOf: .position(message.position),
                    in: &session,
                )
                found[message.position] = share?.ticket.encoded()
            }
            return found
        }
        #expect(end > messages.last!.position)
        for message in messages {
            #expect(try object(try #require(found[message.position])) == message.after.object(message.share.ticket))
        }
    }

    @Test func `as of a time is as of the last position that was recorded by then`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 1, messageCount: 30)
        let asked = generated.messages.map { (share: $0.share, position: $0.position) }
        try await generated.ledger.session { session in
            for message in asked {
                let event = try #require(try LedgerReader.event(at: message.position, in: &session))
                let (agreement, ticket) = (AgreementID(message.share.agreement)!, TicketID(message.share.ticket)!)
                func share(_ moment: AsOf) throws -> Ticket? {
                    try Reconstructor.share(agreement: agreement, ticket: ticket, asOf: moment, in: &session)?.ticket
                }
                let now = try #require(try share(.position(message.position)))
                #expect(try share(.time(event.recorded)) == now)
                let before = Timestamp(microseconds: event.recorded.microseconds - 1)
                #expect(try share(.time(before)) == share(.position(Position(rawValue: message.position.rawValue - 1))))
            }
        }
    }

    @Test func `what the partner holds is what it wrote and what has reached it, in the order in which it came`()
        async throws
    {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 2, messageCount: 120)
        let shares = generated.shares
        let found = try await generated.ledger.session { session in
            var found: [GeneratedLedger.Share: ([UInt8], [CommentID])] = [:]
            for share in shares {
                let held = try Reconstructor.share(
                    agreement: AgreementID(share.agreement)!,
                    ticket: TicketID(share.ticket)!,
                    view: .partner,
                    in: &session,
                )
                found[share] = held.map { ($0.ticket.encoded(), $0.comments.map(\.id)) }
            }
            return found
        }
        #expect(!found.isEmpty)
        for share in shares {
            guard let expected = generated.partnerTicket(share) else {
                #expect(found[share] == nil)
                continue
            }
            let (ticket, comments) = try #require(found[share])
            #expect(try object(ticket) == expected.object(share.ticket))
            #expect(comments.map(\.text) == expected.comments.map { $0["uuid"] as! String })
        }
    }

    @Test
    func `what is different between two moments is what differs between their folds, with the message that did it`()
        async throws
    {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 5, messageCount: 120)
        let histories = Dictionary(grouping: generated.messages, by: \.share)
        var random = SeededGenerator(seed: SeededGenerator.seed &+ 6)
        var changes = 0
        for (share, history) in histories where history.count > 1 {
            for _ in 0..<6 {
                let first = Int.random(in: 0..<history.count - 1, using: &random)
                let second = Int.random(in: first + 1..<history.count, using: &random)
                let (from, to) = (history[first].position, history[second].position)
                let difference = try await generated.ledger.session { session in
                    try ShareDifference.between(
                        .position(from),
                        .position(to),
                        agreement: AgreementID(share.agreement)!,
                        ticket: TicketID(share.ticket)!,
                        in: &session,
                    )
                }
                let found = try #require(difference)
                let values = history.map { self.values($0.after) }
                let names = Set(values[first].keys).union(values[second].keys).filter {
                    values[first][$0] != values[second][$0]
                }
                #expect(found.members.map(\.name) == names.sorted())
                for member in found.members {
                    let origin = try #require(history.firstIndex { $0.position == member.origin?.position })
                    #expect(first < origin && origin <= second)
                    // The last message after which the value is another one than before.
                    let last = (first + 1...second).last { values[$0][member.name] != values[$0 - 1][member.name] }
                    #expect(origin == last, "\(member.name)")
                    #expect(member.origin?.direction == (history[origin].isInbound ? .inbound : .outbound))
                }
                let known = Set(history[first].after.comments.map { $0["uuid"] as! String })
                let came = history[second].after.comments.map { $0["uuid"] as! String }.filter { !known.contains($0) }
                #expect(found.comments.map(\.held.id.text) == came)
                changes += found.members.count
            }
        }
        #expect(changes > 50)
    }

    /// The members of a ticket but for its comments and who acted last, as JSON that compares by value.
    private func values(_ ticket: ReferenceTicket) -> [String: NSDictionary] {
        var members = ticket.members
        for name in ["uuid", "comments", "current_actor"] { members[name] = nil }
        members["shared"] = ticket.isShared
        return members.mapValues { ["value": $0] as NSDictionary }
    }

    @Test func `the auditor's view of a moment is the plain fold, as far as its messages can be read`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 7, messageCount: 100)
        let rows = try await generated.ledger.session(as: .auditor) { session in
            try session.query(
                """
                SELECT e.position, a.member, a.value::text, a.known
                FROM audit.message AS e
                CROSS JOIN LATERAL audit.as_of_ticket(e.agreement, e.ticket, e.recorded_at) AS a
                WHERE e.type LIKE 'ticket.%'
                """
            ).decode((Position, String, String?, Bool).self)
        }
        let found = Dictionary(grouping: rows, by: \.0)
        var known = 0
        for message in generated.messages {
            // Members that we do not interpret are opaque to the views as well.
            let expected = values(message.after).filter { !$0.key.hasPrefix("x_") }
            let shown = found[message.position] ?? []
            #expect(Set(shown.map(\.1)).symmetricDifference(expected.keys) == [], "\(message.isInbound)")
            for (_, member, value, isKnown) in shown where isKnown {
                let json = try JSONSerialization.jsonObject(
                    with: Data((value ?? "null").utf8),
                    options: .fragmentsAllowed,
                )
                #expect(["value": json] as NSDictionary == expected[member], "\(message.position) \(member)")
                known += 1
            }
        }
        #expect(known > 100)
    }

    @Test func `the projections are the plain fold, row by row`() async throws {
        var generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 3, messageCount: 60)
        try await generated.ledger.follow()
        try await expectProjections(generated)
        // Folded on from what was saved, not from the beginning.
        try await generated.extend(by: 60)
        try await generated.ledger.follow()
        try await expectProjections(generated)
        let report = try await ProjectionVerifier.run(
            generated.ledger.database.configuration(),
            keys: generated.ledger.keys,
        )
        #expect(report.differences.first == [])
        #expect(report.eventCount == generated.messages.count)
        #expect(report.shareCount == generated.shares.count)
    }

    private func expectProjections(_ generated: GeneratedLedger) async throws {
        let saved = try await generated.ledger.session { session in
            let tickets = try session.query(
                """
                SELECT s.name, t.ticket, t.state, t.shared, t.comment_count, t.public_comment_count, t.subject, t.status
                FROM projection.ticket AS t
                JOIN ledger.share AS sh ON sh.share_id = t.share_id
                JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
                """
            ).decode((String, String, String, Bool, Int32, Int32, String?, String?).self)
            let comments = try session.query(
                """
                SELECT s.name, sh.ticket, c.state, c.body, c.public
                FROM projection.comment AS c
                JOIN ledger.share AS sh ON sh.share_id = c.share_id
                JOIN ledger.stream AS s ON s.stream_id = sh.stream_id
                ORDER BY c.share_id, c.ordinal
                """
            ).decode((String, String, String, String?, Bool).self)
            return (tickets, comments)
        }
        #expect(saved.0.count == generated.shares.count)
        for row in saved.0 {
            let share = GeneratedLedger.Share(agreement: String(row.0.dropFirst("agreement:".count)), ticket: row.1)
            let expected = generated.ticket(share)
            var members = expected.members
            members["comments"] = nil
            #expect(try object(Array(row.2.utf8)) == members as NSDictionary)
            #expect(row.3 == expected.isShared)
            #expect(Int(row.4) == expected.comments.count)
            #expect(Int(row.5) == expected.comments.count { $0["public"] as! Bool })
            #expect(row.6 == expected.members["subject"] as? String)
            #expect(row.7 == expected.members["status"] as? String)
            let comments = saved.1.filter { $0.0 == row.0 && $0.1 == row.1 }
            #expect(comments.count == expected.comments.count)
            for (comment, expected) in zip(comments, expected.comments) {
                var members = expected
                members["body"] = nil
                #expect(try object(Array(comment.2.utf8)) == members as NSDictionary)
                #expect(comment.3 == expected["body"] as? String)
                #expect(comment.4 == expected["public"] as? Bool)
            }
        }
    }
}
