import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing

/// What an operator has done with deliveries that wait or are parked, recorded before the queue says so.
///
/// Decided under the ledger's lock and in one transaction with the queue, so that any process that delivers sees it the
/// next time that it looks, and none of them can have begun an attempt meanwhile.
struct DeliveryOrder: Sendable {
    let action: Action
    let deliveries: [QueuedDelivery]
    let warrant: Warrant

    enum Action: Sendable {
        /// Due at once, with all tries of the schedule; a parked lane goes on.
        case retry
        /// Given up: the next one of the lane goes.
        case skip
    }

    /// What became of an order.
    struct Decided: Sendable {
        var receipts: [Receipt] = []
        var changes: [QueueChange] = []

        /// Deliveries that an attempt is being made of, or that are gone.
        var missed: [DeliveryID] = []

        /// When it was decided.
        var now = Timestamp(microseconds: 0)
    }

    /// What is read under the lock.
    var keys: StateKeys {
        var keys = StateKeys()
        for delivery in deliveries {
            keys.formUnion(delivery.keys)
        }
        return keys
    }

    /// About how much it records.
    var byteCount: Int {
        deliveries.count * (512 + warrant.reason.utf8.count)
    }

    func decide(_ transaction: inout SharingTransaction) -> Decided {
        var decided = Decided()
        decided.now = transaction.now
        for delivery in deliveries {
            guard var record = transaction.delivery(delivery.id), record.claim == nil else {
                decided.missed.append(delivery.id)
                continue
            }
            let receipt = transaction.append(
                delivery.draft(
                    action == .retry ? .deliveryResumed : .deliverySkipped,
                    attempt: record.attempts > 0 ? record.attempts : nil,
                    parts: parts(of: delivery, &transaction),
                ),
            )
            decided.receipts.append(receipt)
            switch action {
            case .retry:
                record.tries = 0
                transaction.put(record)
                transaction.hurry(delivery.lane.destination)
                decided.changes.append(
                    QueueChange(delivery: delivery.id, claim: nil, kind: .resumed(due: transaction.now)),
                )
            case .skip:
                transaction.remove(delivery.id)
                decided.changes.append(QueueChange(delivery: delivery.id, claim: nil, kind: .skipped))
            }
        }
        return decided
    }

    private func parts(of delivery: QueuedDelivery, _ transaction: inout SharingTransaction) -> [Part] {
        let facts = Facts.object { facts in
            facts.member("destination", delivery.lane.destination.kind.rawValue)
            facts.member("message", delivery.message.rawValue)
            if let replay = delivery.replay { facts.member("replay", replay.rawValue) }
        }
        let detail = Facts.detail([
            "partner": delivery.partner,
            "reason": warrant.reason,
            "operator": warrant.operator,
        ])
        return [transaction.part(.facts, facts), transaction.part(.detail, detail)]
    }
}
