import Synchronization

/// Counts values by size, as Prometheus does: each bucket holds all that are no larger than its bound.
package final class Histogram: Sendable {
    /// The upper bounds of the buckets, in ascending order; the last bucket has none.
    package let bounds: [Double]

    private let state: Mutex<Snapshot>

    /// What was counted until a moment.
    package struct Snapshot: Sendable, Equatable {
        /// Values in each bucket alone, one more than there are bounds.
        package var counts: [UInt64]
        package var sum = 0.0

        package var count: UInt64 { counts.reduce(0, +) }
    }

    package init(_ bounds: [Double]) {
        precondition(bounds == bounds.sorted(), "the bounds of a histogram ascend")
        self.bounds = bounds
        state = Mutex(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    /// Bounds for durations in seconds, from a millisecond to half a minute.
    package static let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    package func observe(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    package func observe(_ duration: Duration) {
        observe(duration / .seconds(1))
    }

    package var snapshot: Snapshot { state.withLock { $0 } }
}

/// Counts occurrences.
package final class Tally: Sendable {
    private let value = Atomic<UInt64>(0)

    package init() {}

    package func count() {
        value.add(1, ordering: .relaxed)
    }

    package var snapshot: UInt64 { value.load(ordering: .relaxed) }
}

/// Counts occurrences, each kind apart.
package final class Counter<Kind: Hashable & Sendable>: Sendable {
    private let counts = Mutex<[Kind: UInt64]>([:])

    package init() {}

    package func count(_ kind: Kind) {
        counts.withLock { $0[kind, default: 0] += 1 }
    }

    package var snapshot: [Kind: UInt64] { counts.withLock { $0 } }
}
