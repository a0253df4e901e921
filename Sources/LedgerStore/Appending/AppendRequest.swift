import Ledger
import Postgres
import Sharing
import Synchronization

/// A decision that waits for its turn under the ledger's lock, and whoever waits for it.
struct AppendRequest: Sendable {
    let keys: StateKeys

    /// About how much of the batch's room it takes.
    let byteCount: Int

    /// Decides, and keeps the result; may run more than once, since a batch that fails is split and tried again.
    let run: @Sendable (inout SharingTransaction) -> Void

    /// Further statements of the same transaction, after ``run``.
    let additional: @Sendable () -> [SQL]

    /// Answers the waiting caller, exactly once.
    let finish: @Sendable (AppendOutcome) -> Void
}

/// What became of an append.
enum AppendOutcome: Sendable {
    /// Committed, durably; the result of the last run stands.
    case committed
    case failed(AppendError)
}

/// Why an append was not done. Nothing of it is in the ledger.
package enum AppendError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The database is away, or does not promise durability; the same request may succeed later.
    case unavailable(String)

    /// Too much is waiting already.
    case overloaded

    /// The database refuses just this request.
    case refused(String)

    /// The ledger has lost events that this process saw committed; nothing is taken until it is started again.
    case lostEvents(String)

    /// There is no ledger yet.
    case notInitialized

    package var description: String {
        switch self {
        case .unavailable(let cause): "the database is not available: \(cause)"
        case .overloaded: "too many requests are waiting for the ledger"
        case .refused(let cause): "the database refuses this: \(cause)"
        case .lostEvents(let loss): "the ledger has lost events: \(loss)"
        case .notInitialized: "there is no ledger yet; 'shareledger init' makes one"
        }
    }
}
