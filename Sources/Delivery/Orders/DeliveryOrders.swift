package import Ledger
package import LedgerStore
package import Postgres
package import Sharing

/// Has deliveries tried at once or given up, for an operator.
package struct DeliveryOrders: Sendable {
    private let store: Store
    private let warrant: Warrant

    /// Deliveries of one transaction.
    private static let pageCount: Int64 = 500

    package init(store: Store, warrant: Warrant) {
        self.store = store
        self.warrant = warrant
    }

    /// What came of an order.
    package struct Outcome: Sendable, Equatable {
        /// How many deliveries were changed, and where the first and the last of it stand in the ledger.
        package var count = 0
        package var first: Position?
        package var last: Position?

        /// Those of which an attempt began, or which ended, before the order was carried out.
        package var missed: [DeliveryID] = []

        package init() {}

        mutating func take(_ decided: DeliveryOrder.Decided) {
            count += decided.receipts.count
            first = first ?? decided.receipts.first?.position
            last = decided.receipts.last?.position ?? last
            missed += decided.missed
        }
    }

    /// Makes the first deliveries of all lanes that a condition leaves due at once, parked ones too, with all their tries.
    ///
    /// Those that are due already, or under way, need no order. Others of a lane follow the first without one.
    ///
    /// - Parameter condition: On `q` (`delivery.queue`) and `a` (the agreement).
    package func retry(where condition: SQL, now: Timestamp = .now()) async throws -> Outcome {
        var outcome = Outcome()
        // What parks again while this goes on is not taken up twice.
        let end = try await store.read { session in
            try session.query("SELECT coalesce(max(delivery_id), 0) FROM delivery.queue").onlyRow()[0, as: Int64.self]
        }
        var next: Int64 = 0
        while true {
            let page: SQL = """
                \(condition)
                AND q.is_head
                AND q.claim IS NULL
                AND (q.state = 'parked' OR q.due_at > \(now))
                AND q.delivery_id > \(next)
                AND q.delivery_id <= \(end)
                """
            let found = try await store.read { session in
                try QueuedDelivery.all(where: page, limit: Self.pageCount, in: &session)
            }
            guard let last = found.last else { return outcome }
            outcome.take(try await carryOut(.retry, found))
            next = last.id.rawValue
        }
    }

    /// Gives one delivery up, so that the next one of its lane goes.
    package func skip(_ delivery: QueuedDelivery) async throws -> Outcome {
        var outcome = Outcome()
        outcome.take(try await carryOut(.skip, [delivery]))
        return outcome
    }

    private func carryOut(
        _ action: DeliveryOrder.Action,
        _ deliveries: [QueuedDelivery],
    ) async throws(AppendError) -> DeliveryOrder.Decided {
        let order = DeliveryOrder(action: action, deliveries: deliveries, warrant: warrant)
        return try await store.appender.append(
            order.keys,
            byteCount: order.byteCount,
            additional: { QueueChange.statements(for: $0.changes, at: $0.now) },
            decide: { transaction in order.decide(&transaction) },
        )
    }
}
