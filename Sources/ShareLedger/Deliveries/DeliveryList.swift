import Delivery
import Ledger
import Postgres
import Sharing

/// Deliveries of the queue, printed a page at a time, however many there are.
struct DeliveryList: Sendable {
    let condition: SQL
    let limit: Int?
    let isJSON: Bool

    private static let pageCount = 1000

    /// Which deliveries are asked for, as `delivery.queue.state` says it.
    enum Selection: String, Sendable, CaseIterable {
        /// Waiting, behind another, or claimed.
        case waiting
        case parked
    }

    func print(in session: inout PostgresSession) throws {
        var table = TextTable([
            "id", "state", "to", "agreement", "ticket", "message", "type", "attempts", "due", "what keeps it",
        ])
        var list = JSONList()
        var next: Int64 = 0
        var left = limit ?? (isJSON ? .max : Self.pageCount)
        var isCut = false
        while Console.outputFault == nil {
            let count = min(left, Self.pageCount)
            let page = try QueuedDelivery.all(
                where: "\(condition) AND q.delivery_id > \(next)",
                limit: Int64(count) + 1,
                in: &session
            )
            for delivery in page.prefix(count) {
                if isJSON {
                    list.add { delivery.write(to: &$0) }
                } else {
                    table.add(Self.cells(delivery))
                }
            }
            if !isJSON { Console.print(table.take()) }
            left -= min(count, page.count)
            guard page.count > count, left > 0, let last = page.prefix(count).last else {
                isCut = page.count > count
                break
            }
            next = last.id.rawValue
        }
        if isJSON { list.finish() }
        if isCut, !isJSON { Console.note("There are more; --limit N shows more of them") }
    }

    private static func cells(_ delivery: QueuedDelivery) -> [String?] {
        [
            "\(delivery.id.rawValue)",
            delivery.holding.map { "\(delivery.state.rawValue), \($0.rawValue)" } ?? delivery.state.rawValue,
            delivery.place,
            ShortIdentifier.of(delivery.agreement),
            delivery.ticket.map(ShortIdentifier.of),
            "\(delivery.message)",
            delivery.type.rawValue,
            "\(delivery.attempts)",
            delivery.state == .waiting ? "\(delivery.due)" : nil,
            delivery.state == .claimed ? delivery.standing() : delivery.obstacle,
        ]
    }
}
