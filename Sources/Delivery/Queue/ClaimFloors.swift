import Ledger

/// From where on heads are looked through for what can be claimed, where it takes long to look through all of them.
///
/// A claimed row leaves a dead entry in the index, and they stay while anybody holds a snapshot. Claims would wade through all
/// of them again and again. Heads enter the index in the order of their time, so what was seen to be dead stays behind a floor.
/// What comes there all the same, such as what was given back, is found by a claim without floors: one is made as often as a
/// twentieth of the time allows.
struct ClaimFloors: Sendable {
    typealias Floors = [Key: Timestamp]

    /// A destination as in `delivery.queue.partner_id`, and a source as in `delivery.queue.source`.
    struct Key: Hashable, Sendable {
        let destination: Int64
        let source: Int64
    }

    /// How long an event may take from the clock's reading to its commit without being overlooked for a while.
    static let longestCommit = Duration.seconds(1)

    /// Claims that are quicker need no floors.
    static let quick = Duration.milliseconds(5)

    private var floors: Floors = [:]
    private var nextFullLook: ContinuousClock.Instant?
    private var lastDue: Timestamp?

    /// The floors of the next claim; none where all is to be looked through.
    ///
    /// - Parameter due: What is due by then is claimed; where the clock was set back what was found before says nothing.
    mutating func take(at instant: ContinuousClock.Instant, due: Timestamp) -> Floors {
        if let nextFullLook, instant >= nextFullLook { forget() }
        if let lastDue, due < lastDue { forget() }
        lastDue = due
        return floors
    }

    /// Notes what was found after a claim that began with `used`.
    mutating func note(
        _ found: Floors,
        after used: Floors,
        took duration: Duration,
        at instant: ContinuousClock.Instant,
    ) {
        guard used.isEmpty || !floors.isEmpty else { return }
        if used.isEmpty { nextFullLook = instant.advanced(by: duration * 20) }
        floors = found
    }

    /// Has the next claim look through everything.
    mutating func forget() {
        floors = [:]
        nextFullLook = nil
        lastDue = nil
    }
}
