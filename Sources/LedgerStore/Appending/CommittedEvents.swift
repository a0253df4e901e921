package import Ledger
package import Sharing
import Synchronization
import TicketSharing

/// A message of a ticket that is committed, with its place in the ledger and what it said.
package struct CommittedMessage: Sendable {
    package let event: SequencedEvent
    package let taken: TakenMessage
}

/// Messages that this process has committed lately, for a follower that then need not read them back. Bounded.
///
/// A run of positions without a gap, of which only what changes the state of tickets is kept. Where events of another
/// process come between, or too much is waiting, all is dropped, and the ledger itself has to be read.
package final class CommittedEvents: Sendable {
    /// What comes next, all that changes tickets between two positions.
    package struct Run: Sendable {
        /// In order of position.
        package let messages: ArraySlice<CommittedMessage>

        /// The position after the last one that this run speaks of.
        package let next: Position

        /// The position after the last event that was committed.
        package let end: Position
    }

    private struct State {
        var next = Position.first
        var end = Position.first
        var messages: [CommittedMessage] = []
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
    ///
    /// - Parameters:
    ///   - events: One after the other, without a gap.
    ///   - messages: What those among them said that change tickets.
    package func add(_ events: [SequencedEvent], _ messages: [(position: Position, taken: TakenMessage)]) {
        guard let first = events.first?.position, let end = events.last?.position.next else { return }
        state.withLock { state in
            if state.end != first { state.restart(at: first) }
            for (position, taken) in messages {
                let event = events[Int(position.rawValue - first.rawValue)]
                let message = CommittedMessage(event: event, taken: taken)
                state.messages.append(message)
                state.byteCount += message.byteCount
            }
            state.end = end
            if state.byteCount > byteLimit { state.restart(at: end) }
        }
    }

    /// Hands over what comes from `start` on; `nil` where the ledger has to be read, also where nothing is known of it.
    package func take(from start: Position, count: Int, byteCount: Int) -> Run? {
        state.withLock { state in
            guard state.next <= start, start < state.end else { return nil }
            let passed = state.messages.firstIndex { $0.event.position >= start } ?? state.messages.endIndex
            var taken = passed
            var room = byteCount
            while taken < state.messages.endIndex, taken - passed < count, taken == passed || room > 0 {
                room -= state.messages[taken].byteCount
                taken += 1
            }
            let messages = state.messages[passed..<taken]
            let isAll = taken == state.messages.endIndex
            state.next = isAll ? state.end : state.messages[taken].event.position
            state.byteCount -= state.messages[..<taken].reduce(0) { $0 + $1.byteCount }
            state.messages.removeFirst(taken)
            return Run(messages: messages, next: state.next, end: state.end)
        }
    }
}

extension CommittedMessage {
    /// About how much memory it takes.
    fileprivate var byteCount: Int {
        event.draft.parts.reduce(1024 + (taken.message?.memoryByteCount ?? 0)) { $0 + $1.content.count + 128 }
    }
}
