package import Ledger

/// Names a row of `delivery.queue`.
package struct DeliveryID: Sendable, Hashable, Comparable, RawRepresentable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (lhs: DeliveryID, rhs: DeliveryID) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

/// A delivery as it stands under the ledger's lock, as far as deciding about its attempts needs it.
package struct DeliveryRecord: Sendable, Equatable {
    package let id: DeliveryID

    /// Whoever works on it now; a worker that was too slow finds another's claim here, or none.
    package var claim: EventID?

    /// The attempt that is begun and not yet finished.
    package var exchange: EventID?

    /// Attempts made for the message so far.
    package var attempts: Int

    /// Attempts since it was enqueued or resumed: the place in the retry schedule.
    package var tries: Int

    package init(id: DeliveryID, claim: EventID?, exchange: EventID?, attempts: Int, tries: Int) {
        self.id = id
        self.claim = claim
        self.exchange = exchange
        self.attempts = attempts
        self.tries = tries
    }
}

/// A replay as it stands under the ledger's lock.
package struct ReplayRecord: Sendable, Equatable {
    /// Position of the `replay.requested` event.
    package let id: Position

    package let itemCount: Int
    package let deliveredCount: Int

    package var state: State

    /// Whether nothing of it is left to deliver and nobody has said so yet.
    package var isToBeFinished: Bool

    package init(id: Position, itemCount: Int, deliveredCount: Int, state: State, isToBeFinished: Bool) {
        self.id = id
        self.itemCount = itemCount
        self.deliveredCount = deliveredCount
        self.state = state
        self.isToBeFinished = isToBeFinished
    }

    /// How far it has come; the raw value is for programs.
    package enum State: String, Sendable, CaseIterable {
        /// Not all of it is in the queue yet; nothing of it is sent before.
        case preparing
        case running
        /// Held back by an operator.
        case paused
        /// An operator has given up what was left of it.
        case cancelled
        /// Nothing of it is left, and it was not cancelled.
        case finished
    }
}
