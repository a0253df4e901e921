import Ledger
package import LedgerStore
package import Postgres
package import Sharing

/// What a ledger that was read from an export still has to deliver, which nobody may send before somebody has looked at it.
///
/// What goes to partners waits, as these are paused, and what replays send, as these are. Our desk cannot be: the first of
/// each lane to it is parked. An attempt that was under way has an end that nobody knows here.
package struct RecoveredDeliveries: Sendable {
    private let subjects: [AttemptSubject]

    /// Claims, in the caller's transaction, what is to be held back to our desk, and reads that and what was claimed before.
    package init(in session: inout PostgresSession) throws(PostgresError) {
        try session.execute(
            """
            UPDATE delivery.queue
            SET claim = gen_random_uuid(),
                claimed_until = now()
            WHERE partner_id = \(Destination.desk.rawValue)
                AND is_head
                AND state = 'waiting'
                AND claim IS NULL
                AND replay_id IS NULL
            """
        )
        subjects = try DeliveryQueue.claimed(in: &session)
    }

    /// What of the state is read to decide about them.
    package var keys: StateKeys {
        subjects.reduce(into: StateKeys()) { $0.formUnion($1.keys) }
    }

    /// How many are held back to our desk.
    package var deskCount: Int {
        subjects.count { $0.isForDesk }
    }

    /// Records what becomes of them; returns the transaction's further statements.
    ///
    /// - Parameter reason: Why what goes to our desk is held back.
    package func hold(because reason: String, in transaction: inout SharingTransaction) -> [SQL] {
        var outcomes = EntryOutcomes()
        for subject in subjects {
            guard let held = transaction.held(by: subject) else { continue }
            if let exchange = held.exchange {
                let error = "the attempt was under way when the ledger was exported; its outcome is not known here"
                transaction.appendUnknown(held, subject, exchange, reason: error, due: transaction.now)
            }
            if subject.isForDesk {
                transaction.park(held, subject, finding: .held, reason: reason, &outcomes)
            } else {
                let due = held.exchange == nil ? nil : transaction.now
                transaction.release(held, subject, due: due, returnsTry: false, &outcomes)
            }
        }
        return QueueChange.statements(for: outcomes.changes, at: transaction.now)
    }
}

extension AttemptSubject {
    /// Whether it goes to our desk, and nothing else holds it back.
    fileprivate var isForDesk: Bool { destination == .desk && replay == nil }
}
