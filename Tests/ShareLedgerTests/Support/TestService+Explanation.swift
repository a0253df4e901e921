import Foundation
import HTTPServer
import Testing

/// What the ledger says of one message to a partner.
private struct Told {
    let position: Int
    let lane: Substring
    let begun: Int
    let unknown: Int
    let replays: Int
    let delivered: Bool
}

extension TestService {
    /// Expects what partners saw to be what the ledger tells of: every message arrived, in the order of its share, and again
    /// only where an `attempt.unknown` or a replay says that it may have; and nothing arrived that is not in the ledger.
    ///
    /// - Parameter partners: What each of them saw, in order. A request is known by its `Idempotency-Key`, the event of its
    ///   message.
    nonisolated func expectExplained(
        seenBy partners: [[HTTPRequest]],
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let rows = try await database(
            """
            SELECT m.event_id, m.position, coalesce(m.share_id, m.stream_id),
                count(a.*) FILTER (WHERE a.type = 'attempt.begun'),
                count(a.*) FILTER (WHERE a.type = 'attempt.unknown'),
                (SELECT count(*) FROM delivery.replay_outcome AS o WHERE o.message_position = m.position),
                count(a.*) FILTER (WHERE a.type = 'attempt.succeeded') > 0
            FROM ledger.event AS m
            LEFT JOIN ledger.event AS a ON a.about = m.event_id AND a.type LIKE 'attempt.%'
            WHERE m.direction = 'out' AND (m.type LIKE 'ticket.%' OR m.type LIKE 'agreement.%')
            GROUP BY m.event_id, m.position, coalesce(m.share_id, m.stream_id)
            """,
            sourceLocation: sourceLocation,
        )
        var told: [String: Told] = [:]
        for row in rows.split(separator: "\n") {
            let columns = row.split(separator: "|")
            told[String(columns[0])] = Told(
                position: Int(columns[1]) ?? -1,
                lane: columns[2],
                begun: Int(columns[3]) ?? 0,
                unknown: Int(columns[4]) ?? 0,
                replays: Int(columns[5]) ?? 0,
                delivered: columns[6] == "t",
            )
        }
        var seen: [String: Int] = [:]
        for partner in partners {
            var last: [Substring: Int] = [:]
            for request in partner {
                let key = request.headers.first("Idempotency-Key") ?? ""
                let isFirst = seen[key] == nil
                seen[key, default: 0] += 1
                guard let message = told[key] else {
                    let what = "\(request.method) \(request.target)"
                    Issue.record("not in the ledger: \(what)", sourceLocation: sourceLocation)
                    continue
                }
                guard isFirst else { continue }
                #expect(message.position > last[message.lane, default: -1], "order", sourceLocation: sourceLocation)
                last[message.lane] = message.position
            }
        }
        for (key, message) in told.sorted(by: { $0.value.position < $1.value.position }) {
            let count = seen[key, default: 0]
            let place = "message \(message.position): \(message)"
            #expect(count >= 1 && message.delivered, "lost: \(place)", sourceLocation: sourceLocation)
            #expect(count <= message.begun, "sent without a record: \(place)", sourceLocation: sourceLocation)
            #expect(
                count - 1 <= message.unknown + message.replays,
                "seen \(count) times, unexplained: \(place)",
                sourceLocation: sourceLocation,
            )
        }
        let open = """
            SELECT count(*)
            FROM ledger.event AS b
            WHERE b.type = 'attempt.begun'
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS e
                    WHERE e.exchange = b.exchange
                        AND e.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
                )
            """
        #expect(try await database(open) == "0", "attempts without an end", sourceLocation: sourceLocation)
    }
}
