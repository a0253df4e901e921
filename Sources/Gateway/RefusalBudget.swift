package import Ledger
import Sharing
import Synchronization

/// How many refusals are recorded one by one, so that nobody can fill the disk with them.
///
/// 60 a minute of a ``SourceNetwork`` and 10,000 a day in all; what is beyond is counted, and the counts are recorded once a
/// minute. Long bodies are kept whole up to so many bytes a day, of which one source may use a quarter.
package final class RefusalBudget: Sendable {
    package static let limitPerMinute = 60
    package static let limitPerDay = 10_000

    /// Bytes of bodies that are kept whole in a day, unless another number is given.
    package static let standardBodyByteCount = 64 * 1024 * 1024

    /// Sources that are told apart in a minute; all further ones count as one.
    package static let limitOfSources = 1000

    /// Refusals of a source that were not recorded one by one.
    package struct Uncounted: Sendable, Equatable {
        package let source: String
        package let count: Int
        package let since: Timestamp
    }

    fileprivate struct State {
        var minute: Int64 = .min
        var day: Int64 = .min
        var today = 0
        var bodyBytes = BodyBytes()
        var bySource: [String: Int] = [:]
        var uncounted: [String: (count: Int, since: Timestamp)] = [:]
    }

    /// Bytes of bodies that were kept whole in a day.
    package struct BodyBytes: Sendable, Equatable {
        var total = 0
        var bySource: [String: Int] = [:]

        package init(_ bySource: [String: Int] = [:]) {
            self.bySource = Dictionary(bySource.map { (SourceNetwork.of($0.key), $0.value) }, uniquingKeysWith: +)
            total = bySource.values.reduce(0, +)
        }
    }

    private let state: Mutex<State>
    private let bodyByteLimit: Int

    /// - Parameters:
    ///   - bodyByteLimit: Bytes of bodies that are kept whole in a day.
    ///   - alreadyToday: Refusals that are in the ledger since midnight UTC, so that a restart gives no new budget.
    ///   - bodyBytesToday: Bytes of bodies that were kept whole since then.
    package init(
        bodyByteLimit: Int = RefusalBudget.standardBodyByteCount,
        alreadyToday: Int = 0,
        bodyBytesToday: BodyBytes = BodyBytes(),
        at now: Timestamp = .now(),
    ) {
        var state = State()
        state.day = now.day
        state.today = alreadyToday
        state.bodyBytes = bodyBytesToday
        self.bodyByteLimit = bodyByteLimit
        self.state = Mutex(state)
    }

    /// Whether one more refusal of this source is recorded; counts it either way.
    package func admit(_ source: String, at now: Timestamp) -> Bool {
        let source = SourceNetwork.of(source)
        return state.withLock { state in
            let minute = now.microseconds / 60_000_000
            if state.minute != minute {
                state.minute = minute
                state.bySource = [:]
            }
            state.begin(now.day)
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

    /// Whether the body of a refused request of this source is kept whole; counts its bytes if so.
    package func keepsBody(of source: String, byteCount: Int, at now: Timestamp) -> Bool {
        let source = SourceNetwork.of(source)
        return state.withLock { state in
            state.begin(now.day)
            let used = state.bodyBytes.bySource[source, default: 0]
            guard state.bodyBytes.total + byteCount <= bodyByteLimit, used + byteCount <= bodyByteLimit / 4 else {
                return false
            }
            state.bodyBytes.total += byteCount
            state.bodyBytes.bySource[source] = used + byteCount
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
}

extension RefusalBudget.State {
    /// Begins anew on another day.
    fileprivate mutating func begin(_ day: Int64) {
        guard self.day != day else { return }
        self.day = day
        today = 0
        bodyBytes = RefusalBudget.BodyBytes()
    }
}
