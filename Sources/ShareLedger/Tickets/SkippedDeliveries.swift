import JSON
import Ledger
import Postgres
import TicketSharing

/// Deliveries of a share that an operator has given up, and whose messages have not arrived since.
struct SkippedDeliveries: Sendable {
    private let entries: [Entry]

    private struct Entry: Sendable {
        let position: Position
        let message: Position
        let type: String
        let isForDesk: Bool
        let `operator`: String?
        let reason: String?
    }

    init() {
        entries = []
    }

    /// Without those that a replay has taken the place of: what became of them is what became of the replay.
    init(of share: Position, in session: inout PostgresSession) throws(PostgresError) {
        let rows = try session.query(
            """
            SELECT e.position, m.position, m.type, coalesce(d.facts ->> 'destination' = 'desk', false),
                d.detail ->> 'operator', d.detail ->> 'reason'
            FROM ledger.event AS e
            JOIN ledger.event AS m ON m.event_id = e.about
            CROSS JOIN LATERAL (
                SELECT
                    (
                        SELECT ledger.json(f.content)
                        FROM ledger.payload AS f
                        WHERE f.position = e.position
                            AND f.part = 'facts'
                    ) AS facts,
                    (
                        SELECT ledger.json(f.content)
                        FROM ledger.payload AS f
                        WHERE f.position = e.position
                            AND f.part = 'detail'
                    ) AS detail
                OFFSET 0
            ) AS d
            WHERE e.share_id = \(share)
                AND e.type = 'delivery.skipped'
                AND e.direction IS NOT NULL
                AND NOT coalesce(d.facts ? 'replaced_by', false)
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS a
                    WHERE a.about = e.about
                        AND a.type = 'attempt.succeeded'
                        AND a.direction = e.direction
                        AND a.position > e.position
                )
            ORDER BY e.share_seq
            """
        )
        var entries: [Entry] = []
        for row in rows {
            entries.append(
                Entry(
                    position: try row[0, as: Position.self],
                    message: try row[1, as: Position.self],
                    type: try row[2, as: String.self],
                    isForDesk: try row[3, as: Bool.self],
                    operator: try row[4, as: String?.self],
                    reason: try row[5, as: String?.self],
                )
            )
        }
        self.entries = entries
    }

    /// Lines of a page.
    func fields(partner: String) -> [(name: String, value: String)] {
        entries.map { entry in
            let place = entry.isForDesk ? "our desk" : partner
            let who = entry.operator.map { " by \($0)" } ?? ""
            let why = entry.reason.map { ": \($0)" } ?? ""
            let what = "the \(entry.type) of position \(entry.message) to \(place)"
            return ("Given up", "\(what), at \(entry.position)\(who)\(why)")
        }
    }

    /// Writes the member `skipped`.
    func write(to object: inout JSONWriter) {
        object.name("skipped")
        object.array { array in
            for entry in entries {
                array.object { object in
                    object.member("position", entry.position.rawValue)
                    object.member("message", entry.message.rawValue)
                    object.member("type", entry.type)
                    object.member("to", entry.isForDesk ? "desk" : "partner")
                    object.optional("operator", entry.operator)
                    object.optional("reason", entry.reason)
                }
            }
        }
    }
}
