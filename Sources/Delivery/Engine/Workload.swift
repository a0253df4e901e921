import Ledger
import Sharing

/// What an engine is working on: pure bookkeeping behind its lock.
struct Workload: Sendable {
    private(set) var count = 0
    private(set) var byteCount = 0

    /// Deliveries under way to a destination.
    struct Share: Sendable {
        var count = 0

        /// Of which so many were tried before, or are of a replay.
        var repeatedCount = 0
    }

    private(set) var underWay: [Destination: Share] = [:]

    /// Deliveries under way a claim.
    private var claims: [EventID: Int] = [:]

    /// Claims of which rows may be left that nobody works on, because the database was away at the wrong moment.
    private var suspects: Set<EventID> = []

    /// Where the turn of partners ended.
    private(set) var lastDestination = Destination.desk

    /// When something is due next, as far as is known; the beginning of time means that nobody has looked.
    private(set) var nextDue: Timestamp? = Timestamp(microseconds: 0)
}

// MARK: - Work

extension Workload {
    /// Takes what was claimed as under way, all of it until ``leave(_:isSettled:)``.
    mutating func take(_ deliveries: [ClaimedDelivery], claim: EventID) {
        guard let last = deliveries.last else { return }
        claims[claim] = deliveries.count
        count += deliveries.count
        byteCount += deliveries.reduce(0) { $0 + $1.byteCount }
        lastDestination = last.subject.destination
        for delivery in deliveries {
            underWay[delivery.subject.destination, default: Share()].count += 1
            if delivery.isRepeated { underWay[delivery.subject.destination, default: Share()].repeatedCount += 1 }
        }
    }

    /// - Parameter isSettled: Whether the queue was left in order, as far as we know.
    mutating func leave(_ delivery: ClaimedDelivery, isSettled: Bool) {
        let claim = delivery.subject.claim
        let left = claims[claim, default: 1] - 1
        claims[claim] = left > 0 ? left : nil
        if !isSettled { suspects.insert(claim) }
        count -= 1
        byteCount -= delivery.byteCount
        let destination = delivery.subject.destination
        guard var share = underWay[destination] else { return }
        share.count -= 1
        share.repeatedCount -= delivery.isRepeated ? 1 : 0
        underWay[destination] = share.count > 0 ? share : nil
    }

    /// Notes a claim of which we do not know whether it was made.
    mutating func suspect(_ claim: EventID) {
        suspects.insert(claim)
    }

    /// Claims with deliveries under way.
    var activeClaims: [EventID] { Array(claims.keys) }

    /// Claims that may have rows left, but no delivery under way.
    var abandonedClaims: [EventID] { suspects.filter { claims[$0] == nil } }

    mutating func forget(_ abandoned: [EventID]) {
        suspects.subtract(abandoned)
    }
}

// MARK: - Times

extension Workload {
    /// Has the queue asked when something is due next: an attempt has ended in a way that may have changed it.
    mutating func forgetNextDue() {
        nextDue = Timestamp(microseconds: 0)
    }

    /// Takes what the queue says of when something is due.
    mutating func setNextDue(_ due: Timestamp?) {
        nextDue = due
    }
}
