package import Ledger
package import Sharing

/// Whether a destination can be spoken to, as far as the last attempts tell.
///
/// After several faults of the transport in a row, whatever else is for it waits for a canary: one request at a time, at
/// growing intervals, so that a destination that is away does not cost every lane a time-out. Pure.
package struct PartnerHealth: Sendable, Equatable {
    /// Faults in a row after which it counts as away.
    package static let tolerance = 5

    /// The longest interval between canaries.
    static let longestInterval = Duration.seconds(60)

    private(set) var faultCount = 0
    package private(set) var nextCanary: Timestamp?
    private var canary: DeliveryID?
    private var lastFault: Timestamp?

    package init() {}

    /// Takes note of an attempt's end.
    package mutating func note(isTransportFault: Bool, at now: Timestamp, schedule: RetrySchedule) {
        guard isTransportFault else {
            self = PartnerHealth()
            return
        }
        faultCount += 1
        lastFault = now
        guard faultCount >= Self.tolerance else { return }
        let pauses = schedule.pauses
        let interval = pauses.isEmpty ? .zero : pauses[min(faultCount - Self.tolerance, pauses.count - 1)]
        nextCanary = now.advanced(by: min(interval, Self.longestInterval))
    }

    /// Whether a delivery that was claimed may be attempted: while it counts as away, only as the canary.
    ///
    /// Faults may have come between the moment when ``cap(at:)`` was asked and the claim.
    package mutating func admit(_ delivery: DeliveryID, at now: Timestamp) -> Bool {
        guard nextCanary != nil else { return true }
        guard cap(at: now) != 0 else { return false }
        canary = delivery
        return true
    }

    /// Takes note of the end of a delivery, whether or not an attempt was made.
    package mutating func noteEnd(of delivery: DeliveryID) {
        if canary == delivery { canary = nil }
    }

    /// How many requests may be under way to it; `nil` for as many as it allows.
    package func cap(at now: Timestamp) -> Int? {
        nextCanary.map { $0 <= now && canary == nil ? 1 : 0 }
    }

    /// Since when it is held back with no canary under way, so that an operator's order could hurry the next one.
    package func heldSince(at now: Timestamp) -> Timestamp? {
        guard let nextCanary, nextCanary > now, canary == nil else { return nil }
        return lastFault
    }

    /// Lets the next canary go at once: an operator has said, after the last fault, that it is worth a try.
    package mutating func hurry(at now: Timestamp) {
        nextCanary = nextCanary.map { min($0, now) }
    }

    /// Whether anything is to be kept of it.
    package var isSound: Bool {
        faultCount == 0
    }
}
