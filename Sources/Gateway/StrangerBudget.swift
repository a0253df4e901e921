package import Ledger
package import Sharing
import Synchronization

/// How much strangers may have recorded of what they are allowed, so that nobody fills the disk before an operator looks.
///
/// By messages and by bytes, a day of UTC, for each ``SourceNetwork`` and for all together. A quarter of what all may have is
/// kept for new invitations: whoever repeats and reads a thousand times leaves room for those who ask for the first time.
package final class StrangerBudget: Sendable {
    /// Bounds of a day.
    package struct Limits: Sendable, Equatable {
        package var messages = 5000
        package var bytes = 64 * 1024 * 1024
        package var messagesOfSource = 500
        package var bytesOfSource = 4 * 1024 * 1024

        package init() {}
    }

    /// What was recorded in a day.
    package struct Use: Sendable, Equatable {
        package var messages: Int
        package var bytes: Int

        package init(messages: Int = 0, bytes: Int = 0) {
            self.messages = messages
            self.bytes = bytes
        }

        fileprivate mutating func add(_ other: Use) {
            messages += other.messages
            bytes += other.bytes
        }
    }

    /// What was turned away since this was asked last.
    package struct TurnedAway: Sendable, Equatable {
        package let count: Int
        package let since: Timestamp

        /// Some of the sources, in order.
        package let sources: [String]
    }

    /// Sources that are named among those that were turned away.
    package static let namedSources = 10

    private struct State {
        var day: Int64
        var total = Use()
        var bySource: [String: Use] = [:]
        var turnedAway: (count: Int, since: Timestamp, sources: Set<String>)?

        mutating func begin(_ day: Int64) {
            guard self.day != day else { return }
            self.day = day
            total = Use()
            bySource = [:]
        }
    }

    private let limits: Limits
    private let state: Mutex<State>

    /// - Parameter today: What is in the ledger since midnight UTC, by source, so that a restart gives no new budget.
    package init(limits: Limits = Limits(), today: [String: Use] = [:], at now: Timestamp = .now()) {
        var state = State(day: now.day)
        for (source, use) in today {
            state.total.add(use)
            state.bySource[SourceNetwork.of(source), default: Use()].add(use)
        }
        self.limits = limits
        self.state = Mutex(state)
    }

    /// Whether there is room for an act; counts it once it is done, or as turned away.
    package func admit(_ act: StrangerAct, _ step: StrangerAct.Step, at now: Timestamp) -> Bool {
        let source = SourceNetwork.of(act.source)
        return state.withLock { state in
            state.begin(now.day)
            var own = state.bySource[source] ?? Use()
            var all = state.total
            own.add(Use(messages: 1, bytes: act.byteCount))
            all.add(Use(messages: 1, bytes: act.byteCount))
            let isWithin =
                own.messages <= limits.messagesOfSource && own.bytes <= limits.bytesOfSource
                && all.messages <= share(of: limits.messages, for: act)
                && all.bytes <= share(of: limits.bytes, for: act)
            guard isWithin else {
                var turnedAway = state.turnedAway ?? (0, now, [])
                turnedAway.count += 1
                if turnedAway.sources.count < Self.namedSources { turnedAway.sources.insert(source) }
                state.turnedAway = turnedAway
                return false
            }
            if case .done = step {
                state.bySource[source] = own
                state.total = all
            }
            return true
        }
    }

    /// Takes the count of what was turned away since the last time; `nil` where nothing was.
    package func takeTurnedAway() -> TurnedAway? {
        state.withLock { state in
            state.turnedAway.take().map { TurnedAway(count: $0.count, since: $0.since, sources: $0.sources.sorted()) }
        }
    }

    private func share(of limit: Int, for act: StrangerAct) -> Int {
        act.isInvitation ? limit : limit - limit / 4
    }
}
