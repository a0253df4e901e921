import Foundation
import HTTPServer
import TestPeers
import Testing

/// Comparing what a service was told, and told others, with what it holds.
extension TestService {
    /// The accepted messages of tickets in the ledger, one a line as ``Acknowledgement/line``, in order.
    nonisolated func recordedMessages() async throws -> [String] {
        try await sql(
            """
            SELECT position, event_id, direction, ticket, body -> 'comments' -> 0 ->> 'uuid'
            FROM audit.message
            WHERE type IN ('ticket.shared', 'ticket.updated')
            ORDER BY position
            """
        )
        .split(separator: "\n").map(String.init)
    }

    /// Expects the ledger to hold exactly what was acknowledged, once, and to be in order in all that can be counted.
    nonisolated func expectLedger(
        of acknowledgements: [Acknowledgement],
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let recorded = try await recordedMessages()
        let expected = Set(acknowledgements.map(\.line))
        #expect(expected.subtracting(recorded) == [], "lost", sourceLocation: sourceLocation)
        #expect(Set(recorded).subtracting(expected) == [], "not acknowledged", sourceLocation: sourceLocation)
        #expect(recorded.count == acknowledgements.count, sourceLocation: sourceLocation)
        let gaps = """
            SELECT (SELECT count(*) = max(position) + 1 AND count(*) = count(DISTINCT event_id) FROM ledger.event)
                AND NOT EXISTS (
                    SELECT FROM ledger.event GROUP BY stream_id HAVING count(*) <> max(stream_seq) + 1
                )
                AND NOT EXISTS (
                    SELECT FROM ledger.event WHERE share_id IS NOT NULL
                    GROUP BY share_id HAVING count(*) <> max(share_seq) + 1
                )
            """
        #expect(try await database(gaps) == "t", "there is a gap", sourceLocation: sourceLocation)
    }

    /// Expects every ticket, folded from its events, to hold every acknowledged comment once and in order.
    nonisolated func expectTickets(
        of acknowledgements: [Acknowledgement],
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        for (ticket, messages) in Dictionary(grouping: acknowledgements, by: \.ticket) {
            let page = try await command("reconstruct", "a1/\(ticket)", "--json", sourceLocation: sourceLocation)
            let comments = (try page.json as? [String: Any])?["comments"] as? [[String: Any]]
            let found = comments?.compactMap { $0["uuid"] as? String }
            #expect(found == messages.map(\.comment), "\(ticket)", sourceLocation: sourceLocation)
        }
    }

    /// Expects every attempt to have one end, and every message to have reached the other side in the order of its lane
    /// and no more often than attempts were begun.
    nonisolated func expectDeliveries(
        of acknowledgements: [Acknowledgement],
        _ direction: String,
        to receiver: FakePartner,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let open = """
            SELECT count(*)
            FROM ledger.event AS b
            WHERE b.type = 'attempt.begun'
                AND 1 <> (
                    SELECT count(*)
                    FROM ledger.event AS e
                    WHERE e.exchange = b.exchange
                        AND e.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
                )
            """
        #expect(try await database(open) == "0", "attempts without an end", sourceLocation: sourceLocation)
        let counts = try await database(
            "SELECT about, count(*) FROM ledger.event WHERE type = 'attempt.begun' GROUP BY 1"
        )
        let attempts = Dictionary(
            uniqueKeysWithValues: counts.split(separator: "\n").map { line in
                let columns = line.split(separator: "|")
                return (String(columns[0]), Int(columns[1]) ?? 0)
            },
        )
        let received = receiver.requests.compactMap(\.comment)
        let receivedCounts = received.reduce(into: [:]) { counts, comment in counts[comment, default: 0] += 1 }
        let sent = acknowledgements.filter { $0.direction == direction }
        for message in sent {
            let count = receivedCounts[message.comment, default: 0]
            let begun = attempts[message.event, default: 0]
            #expect(
                (1...max(1, begun)).contains(count),
                "\(message), \(begun) attempts",
                sourceLocation: sourceLocation
            )
        }
        var known: Set<String> = []
        let first = received.filter { known.insert($0).inserted }
        let places = Dictionary(uniqueKeysWithValues: first.enumerated().map { ($1, $0) })
        for (ticket, messages) in Dictionary(grouping: sent, by: \.ticket) {
            let order = messages.compactMap { places[$0.comment] }
            #expect(order == order.sorted(), "out of order: \(ticket)", sourceLocation: sourceLocation)
        }
    }
}

extension HTTPRequest {
    /// The uuid of the first comment of a ticket message.
    fileprivate var comment: String? {
        // What is not JSON has no comment.
        let ticket = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        return (ticket?["comments"] as? [[String: Any]])?.first?["uuid"] as? String
    }
}
