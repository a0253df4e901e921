import Ledger
import Sharing

/// What an engine is working on, and what it knows of destinations: pure bookkeeping behind its lock.
struct Workload: Sendable {
    private(set) var count = 0
    private(set) var byteCount = 0

    /// Deliveries under way a claim.
    private var claims: [EventID: Int] = [:]

    /// Claims of which rows may be left that nobody works on, because the database was away at the wrong moment.
    private var suspects: Set<EventID> = []

    private var health: [Destination: PartnerHealth] = [:]

    /// Where the turn of partners ended.
    private(set) var lastDestination = Destination.desk

    /// When something is due next, as far as is known; the beginning of time means that nobody has looked.
    private(set) var nextDue: Timestamp? = Timestamp(microseconds: 0)
}

// MARK: - Work

extension Workload {
    /// Takes what was claimed as under way, all of it until ``leave(_:isSettled:)``.
    ///
    /// - Returns: Which of them are to be given back rather than attempted, as their destination went away meanwhile.
    mutating func take(_ deliveries: [ClaimedDelivery], claim: EventID, at now: Timestamp) -> Set<DeliveryID> {
        guard let last = deliveries.last else { return [] }
        claims[claim] = deliveries.count
        count += deliveries.count
        byteCount += deliveries.reduce(0) { $0 + $1.byteCount }
        lastDestination = last.subject.destination
        var held: Set<DeliveryID> = []
        for subject in deliveries.map(\.subject) {
            let isAdmitted = health[subject.destination]?.admit(subject.delivery, at: now) ?? true
            if !isAdmitted { held.insert(subject.delivery) }
        }
        return held
    }

    /// - Parameter isSettled: Whether the queue was left in order, as far as we know.
    mutating func leave(_ delivery: ClaimedDelivery, isSettled: Bool) {
        let claim = delivery.subject.claim
        let left = claims[claim, default: 1] - 1
        claims[claim] = left > 0 ? left : nil
        if !isSettled { suspects.insert(claim) }
        health[delivery.subject.destination]?.noteEnd(of: delivery.subject.delivery)
        count -= 1
        byteCount -= delivery.byteCount
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

// MARK: - Destinations and times

extension Workload {
    mutating func note(_ destination: Destination, isTransportFault: Bool, at now: Timestamp, schedule: RetrySchedule) {
        var known = health[destination, default: PartnerHealth()]
        known.note(isTransportFault: isTransportFault, at: now, schedule: schedule)
        health[destination] = known.isSound ? nil : known
        if let canary = known.nextCanary { expect(canary) }
    }

    /// Destinations that are away, and how many requests each may have under way.
    func caps(at now: Timestamp) -> [Destination: Int] {
        health.compactMapValues { $0.cap(at: now) }
    }

    /// Destinations that are away, whose next canary an operator's order could hurry, with their last faults.
    func heldSince(at now: Timestamp) -> [Destination: Timestamp] {
        health.compactMapValues { $0.heldSince(at: now) }
    }

    mutating func hurry(_ destinations: [Destination], at now: Timestamp) {
        for destination in destinations {
            health[destination]?.hurry(at: now)
        }
    }

    mutating func expect(_ due: Timestamp) {
        nextDue = nextDue.map { min($0, due) } ?? due
    }

    /// Takes what the queue says of when something is due, keeping what comes of canaries.
    mutating func setNextDue(_ due: Timestamp?, after now: Timestamp) {
        let canaries = health.values.compactMap(\.nextCanary).filter { $0 > now }
        nextDue = (canaries + (due.map { [$0] } ?? [])).min()
    }
}
