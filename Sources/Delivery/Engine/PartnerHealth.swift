import Ledger

/// Whether a destination can be spoken to, as far as the last attempts tell.
///
/// After several faults of the transport in a row, whatever else is for it waits for a canary: one request at a time, at
/// growing intervals, so that a destination that is away does not cost every lane a time-out. Pure.
struct PartnerHealth: Sendable, Equatable {
    /// Faults in a row after which it counts as away.
    static let tolerance = 5

    /// The longest interval between canaries.
    static let longestInterval = Duration.seconds(60)

    private(set) var faultCount = 0
    private(set) var nextCanary: Timestamp?
    private var isCanaryUnderWay = false

    /// Takes note of an attempt's end.
    mutating func note(isTransportFault: Bool, at now: Timestamp, schedule: RetrySchedule) {
        guard isTransportFault else {
            self = PartnerHealth()
            return
        }
        faultCount += 1
        isCanaryUnderWay = false
        guard faultCount >= Self.tolerance else { return }
        let pauses = schedule.pauses
        let interval = pauses.isEmpty ? .zero : pauses[min(faultCount - Self.tolerance, pauses.count - 1)]
        nextCanary = now.advanced(by: min(interval, Self.longestInterval))
    }

    /// Takes note of a delivery that was claimed: while it counts as away, that is the canary.
    mutating func noteClaim() {
        isCanaryUnderWay = nextCanary != nil
    }

    /// Takes note of the end of a delivery, whether or not an attempt was made.
    mutating func noteEnd() {
        isCanaryUnderWay = false
    }

    /// How many requests may be under way to it; `nil` for as many as it allows.
    func cap(at now: Timestamp) -> Int? {
        nextCanary.map { $0 <= now && !isCanaryUnderWay ? 1 : 0 }
    }

    /// Whether anything is to be kept of it.
    var isSound: Bool {
        faultCount == 0
    }
}
