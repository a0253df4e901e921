import Ledger
import Synchronization

/// Notices when the clock was set back, so that each step is recorded once.
final class ClockWatch: Sendable {
    /// How far behind the last event's time the clock must be: less is what clocks of several processes differ by.
    private static let tolerance = Duration.seconds(1)

    private struct State {
        /// The latest time that was seen since the clock fell behind; `nil` while it is not behind.
        var latest: Timestamp?
    }

    private let state = Mutex(State())

    /// Whether a step back is to be recorded before an event at `now` that follows one at `last`.
    func noticesStep(to now: Timestamp, from last: Timestamp) -> Bool {
        guard now.advanced(by: Self.tolerance) < last else { return false }
        return state.withLock { state in
            guard let latest = state.latest else { return true }
            return now.advanced(by: Self.tolerance) < latest
        }
    }

    /// Takes note that events at `now` after `last`, with the step if there was one, are committed.
    func committed(at now: Timestamp, after last: Timestamp) {
        let isBehind = now.advanced(by: Self.tolerance) < last
        state.withLock { state in
            state.latest = isBehind ? now : nil
        }
    }
}
