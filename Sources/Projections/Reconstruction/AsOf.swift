package import Ledger
import LedgerStore
import Postgres

/// The moment that something is reconstructed for.
package enum AsOf: Sendable, Equatable {
    /// With every event that is in the ledger when it is asked.
    case now

    /// With the event at this position, and none after it.
    case position(Position)

    /// With every event that was recorded at this time or before.
    case time(Timestamp)
}

extension AsOf {
    /// Whether a share as it was then may lack events that are gone.
    func isConcerned(by gap: ChainGap) -> Bool {
        switch self {
        case .now: true
        case .position(let position): gap.concerns(position)
        case .time(let time): gap.concerns(time)
        }
    }

    /// What the moment leaves, as a condition on `e`; the same however often it is asked.
    ///
    /// - Parameter end: The position after the ledger's last event when the first question was asked.
    func condition(end: Position) -> SQL {
        switch self {
        case .now: "e.position < \(end)"
        case .position(let position): "e.position <= \(position)"
        case .time(let time): "e.position < \(end) AND e.recorded_at <= \(time)"
        }
    }
}
