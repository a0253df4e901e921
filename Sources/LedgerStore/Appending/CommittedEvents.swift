package import Ledger
import Synchronization

/// Messages that this process has committed lately, for a follower that then need not read them back. Bounded.
///
/// A run of positions without a gap, of which only what changes the state of tickets is kept. Where events of another
/// process come between, or too much is waiting, all is dropped, and the ledger itself has to be read.
package final class CommittedEvents: Sendable {
    /// What comes next, all that changes tickets between two positions.
    package struct Run: Sendable {
        /// In order of position.
        package let events: ArraySlice<SequencedEvent>

        /// The position after the last one that this run speaks of.
        package let next: Position

        /// The position after the last event that was committed.
        package let end: Position
    }

    private struct State {
        var next = Position.first
        var end = Position.first
        var events: [SequencedEvent] = []
        var byteCount = 0

        mutating func restart(at position: Position) {
            self = State(next: position, end: position)
        }
    }

    private let state = Mutex(State())
    private let byteLimit: Int

    /// - Parameter byteLimit: How much may be waiting.
    package init(byteLimit: Int = 16 * 1024 * 1024) {
        self.byteLimit = byteLimit
    }

    /// Takes over what was committed.
    package func add(_ events: [SequencedEvent]) {
        guard let first = events.first?.position, let end = events.last?.position.next else { return }
        state.withLock { state in
            if state.end != first { state.restart(at: first) }
            for event in events where event.changesTicket {
                state.events.append(event)
                state.byteCount += event.byteCount
            }
            state.end = end
            if state.byteCount > byteLimit { state.restart(at: end) }
        }
    }

    /// Hands over what comes from `start` on; `nil` where the ledger has to be read, also where nothing is known of it.
    package func take(from start: Position, count: Int, byteCount: Int) -> Run? {
        state.withLock { state in
            guard state.next <= start, start < state.end else { return nil }
            let passed = state.events.firstIndex { $0.position >= start } ?? state.events.endIndex
            var taken = passed
            var room = byteCount
            while taken < state.events.endIndex, taken - passed < count, taken == passed || room > 0 {
                room -= state.events[taken].byteCount
                taken += 1
            }
            let events = state.events[passed..<taken]
            let isAll = taken == state.events.endIndex
            state.next = isAll ? state.end : state.events[taken].position
            state.byteCount -= state.events[..<taken].reduce(0) { $0 + $1.byteCount }
            state.events.removeFirst(taken)
            return Run(events: events, next: state.next, end: state.end)
        }
    }
}

extension SequencedEvent {
    fileprivate var changesTicket: Bool {
        share != nil && leaf.type.changesState
    }

    /// About how much memory it takes.
    fileprivate var byteCount: Int {
        draft.parts.reduce(1024) { $0 + $1.content.count + 128 }
    }
}
