package import Ledger

/// How a destination has answered lately, as it stands under the ledger's lock.
package struct DestinationRecord: Sendable, Equatable {
    package let destination: Destination

    package var state = State.up

    /// When it came to that state, and what the last attempt had come to; `nil` where it has always been up.
    package var since: Timestamp?
    package var reason: String?

    /// Attempts in a row that failed, and when the first of them ended.
    package var failures = 0
    package var firstFailure: Timestamp?

    /// The last attempts, a bit each, the lowest the last one; set where it failed.
    package var history: UInt32 = 0

    /// Answers 401 or 403 in a row.
    package var refusals = 0

    /// How many requests may be under way while it struggles.
    package var limit: Int?

    /// While it is out: when the next canary may go, and how many failed since.
    package var nextCanary: Timestamp?
    package var canaries = 0

    /// The delivery that was claimed as canary last; whoever claims writes it.
    package var canary: DeliveryID?

    package init(_ destination: Destination) {
        self.destination = destination
    }

    /// Whether it can be spoken to; the raw value is for programs.
    package enum State: String, Sendable, CaseIterable {
        case up
        /// It fails often, or comes back: few requests at a time.
        case struggling
        /// Everything waits but one canary at a time.
        case out
    }

    /// What comes back after a pause or an outage: one request at a time to begin with.
    package static func returning(
        _ destination: Destination,
        at now: Timestamp,
        because reason: String,
    ) -> DestinationRecord {
        var record = DestinationRecord(destination)
        record.state = .struggling
        record.since = now
        record.reason = reason
        record.limit = 1
        return record
    }
}
