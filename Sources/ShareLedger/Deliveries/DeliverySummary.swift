import Delivery
import JSON
import Ledger
import Postgres
import Sharing

/// What of a partner or an agreement is on its way: the agreements' own messages one by one, tickets' as numbers.
struct DeliverySummary: Sendable {
    private let own: DeliveryLanes
    private let waiting: Int64
    private let parked: Int64
    private let oldest: Timestamp?

    /// Messages of agreements that are shown.
    private static let shownCount: Int64 = 100

    /// - Parameter condition: On `a` (agreement).
    init(of condition: SQL, in session: inout PostgresSession) throws {
        own = DeliveryLanes(
            try QueuedDelivery.all(
                where: "\(condition) AND q.partner_id IN (0, a.partner_id) AND q.share_id IS NULL",
                order: .lanes,
                limit: Self.shownCount,
                in: &session
            )
        )
        let row = try session.query(
            """
            SELECT count(*) FILTER (WHERE q.state = 'waiting'), count(*) FILTER (WHERE q.state = 'parked'),
                min(q.enqueued_at)
            FROM projection.agreement AS a
            JOIN delivery.queue AS q ON q.partner_id IN (0, a.partner_id) AND q.stream_id = a.stream_id
            WHERE \(condition)
            """
        ).onlyRow()
        waiting = try row[0, as: Int64.self]
        parked = try row[1, as: Int64.self]
        oldest = try row[2, as: Timestamp?.self]
    }

    /// Lines of a page.
    ///
    /// - Parameter list: The option of `delivery list` that names what this is of.
    func fields(list: String) -> [(name: String, value: String)] {
        guard let oldest else { return [("On its way", "nothing")] }
        let counts = "\(waiting) waiting, \(parked) parked, the oldest since \(oldest)"
        return [("On its way", counts), ("", "'shareledger delivery list \(list)' shows them")] + own.fields
    }

    /// Writes the members `waiting`, `parked`, `oldest_enqueued_at` and `deliveries`.
    func write(to object: inout JSONWriter) {
        object.member("waiting", waiting)
        object.member("parked", parked)
        object.optional("oldest_enqueued_at", oldest.map { "\($0)" })
        own.write(to: &object)
    }
}
