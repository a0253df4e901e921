import Ledger
import Synchronization

/// Keeps the newest event that this process has seen committed, so that it is noticed when the ledger has lost it.
///
/// Positions are given once. An end that was cut off, or a restored older copy, would have them given again, to other events.
final class HeadWatch: Sendable {
    private struct State {
        var seen: LedgerHead?
        var loss: String?
    }

    private let state = Mutex(State())

    /// The newest event seen.
    var seen: LedgerHead? {
        state.withLock(\.seen)
    }

    /// What is wrong with the ledger, once an event that was seen is gone; it stays so until the process ends.
    var loss: String? {
        state.withLock(\.loss)
    }

    /// Takes note of the ledger's newest event.
    func see(_ head: LedgerHead) {
        state.withLock { $0.seen = head }
    }

    /// Takes note that ``seen`` is gone from a ledger that ends at `head`; returns what is to be said of that.
    func lose(endingAt head: LedgerHead?) -> String {
        state.withLock { state in
            let lost = state.seen.map { "position \($0.position), recorded at \($0.recorded)," } ?? "its newest event"
            let end = head.map { "at position \($0.position), recorded at \($0.recorded)" } ?? "without any event"
            let loss = "\(lost) was committed and is gone; the ledger ends \(end)"
            state.loss = loss
            return loss
        }
    }
}
