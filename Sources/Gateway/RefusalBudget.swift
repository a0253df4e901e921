package import Ledger
import Synchronization

/// How many refusals are recorded one by one, so that nobody can fill the disk with them.
///
/// 60 a minute of a source and 10,000 a day in all; what is beyond is counted, and the counts are recorded once a minute.
package final class RefusalBudget: Sendable {
    package static let limitPerMinute = 60
    package static let limitPerDay = 10_000

    /// Sources that are told apart in a minute; all further ones count as one.
    package static let limitOfSources = 1000

    /// Refusals of a source that were not recorded one by one.
    package struct Uncounted: Sendable, Equatable {
        package let source: String
        package let count: Int
        package let since: Timestamp
    }

    private struct State {
        var minute: Int64 = .min
        var day: Int64 = .min
        var today = 0
        var bySource: [String: Int] = [:]
        var uncounted: [String: (count: Int, since: Timestamp)] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter alreadyToday: Refusals that are in the ledger since midnight UTC, so that a restart gives no new budget.
    package init(alreadyToday: Int = 0, at now: Timestamp = .now()) {
        var state = State()
        state.day = Self.day(now)
        state.today = alreadyToday
        self.state = Mutex(state)
    }

    /// Whether one more refusal of this source is recorded; counts it either way.
    package func admit(_ source: String, at now: Timestamp) -> Bool {
        state.withLock { state in
            let minute = now.microseconds / 60_000_000
            if state.minute != minute {
                state.minute = minute
                state.bySource = [:]
            }
            if state.day != Self.day(now) {
                state.day = Self.day(now)
                state.today = 0
            }
            let known = state.bySource[source] != nil || state.bySource.count < Self.limitOfSources
            let source = known ? source : "others"
            guard state.bySource[source, default: 0] < Self.limitPerMinute, state.today < Self.limitPerDay else {
                state.uncounted[source, default: (0, now)].count += 1
                return false
            }
            state.bySource[source, default: 0] += 1
            state.today += 1
            return true
        }
    }

    /// Takes the counts since the last time.
    package func takeUncounted() -> [Uncounted] {
        state.withLock { state in
            defer { state.uncounted = [:] }
            return state.uncounted
                .map { Uncounted(source: $0.key, count: $0.value.count, since: $0.value.since) }
                .sorted { $0.source < $1.source }
        }
    }

    private static func day(_ time: Timestamp) -> Int64 {
        time.microseconds / 86_400_000_000
    }
}
