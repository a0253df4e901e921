import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing

/// A message of a share that has not arrived yet.
struct WaitingDelivery: Sendable {
    let message: Position
    let destination: Destination
    let isParked: Bool
    let attempts: Int
    let due: Timestamp
    let reason: String?

    /// Those of one share, in the order in which they go.
    static func all(of share: Position, in session: inout PostgresSession) throws(PostgresError) -> [WaitingDelivery] {
        let rows = try session.query(
            """
            SELECT q.message_position, q.partner_id, q.state = 'parked', q.attempts, q.due_at, q.reason
            FROM delivery.queue AS q
            WHERE q.share_id = \(share)
            ORDER BY q.partner_id, q.queue_position, q.item
            LIMIT 1000
            """
        )
        var deliveries: [WaitingDelivery] = []
        for row in rows {
            deliveries.append(
                WaitingDelivery(
                    message: try row[0, as: Position.self],
                    destination: Destination(rawValue: try row[1, as: Int64.self]),
                    isParked: try row[2, as: Bool.self],
                    attempts: Int(try row[3, as: Int32.self]),
                    due: try row[4, as: Timestamp.self],
                    reason: try row[5, as: String?.self],
                ),
            )
        }
        return deliveries
    }

    /// What is said of it on a page.
    func text(partner: String) -> String {
        let place = destination == .desk ? "our desk" : partner
        let state = isParked ? "parked: \(reason ?? "")" : "due \(due)"
        return "the message of position \(message) to \(place), \(attempts) attempts, \(state)"
    }

    /// Writes the members of its object.
    func write(to object: inout JSONWriter) {
        object.member("message", message.rawValue)
        object.member("to", destination == .desk ? "desk" : "partner")
        object.member("state", isParked ? "parked" : "waiting")
        object.member("attempts", attempts)
        object.member("due_at", "\(due)")
        object.optional("reason", reason)
    }
}
