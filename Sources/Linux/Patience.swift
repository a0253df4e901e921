import Glibc

/// How long a blocking step may wait: until a deadline, and no longer than its task is wanted.
///
/// Blocking steps run on a queue of their own, inside a task, and look here between slices of at most 50 ms.
package struct Patience: Sendable {
    /// What has run out is said by whoever waited; it knows for what.
    package struct Exhausted: Error {
        /// For tests, and for what else runs out.
        package init() {}
    }

    private let deadline: ContinuousClock.Instant
    private let endsWithTask: Bool

    /// - Parameter endsWithTask: false for cleaning up, which a cancelled task must still finish.
    package init(_ duration: Duration, endsWithTask: Bool = true) {
        deadline = .now + duration
        self.endsWithTask = endsWithTask
    }

    /// The shorter of this and `duration` from now.
    package func limited(to duration: Duration) -> Patience {
        Patience(min(remaining, duration), endsWithTask: endsWithTask)
    }

    /// What is left until the deadline, never negative.
    package var remaining: Duration {
        max(.zero, deadline - .now)
    }

    /// Throws ``Exhausted`` past the deadline and `CancellationError` once the task is cancelled.
    package func check() throws {
        if endsWithTask { try Task.checkCancellation() }
        if deadline <= .now { throw Exhausted() }
    }

    /// Blocks for at most 50 ms, between two looks at something that tells nobody when it changes.
    package func pause() throws {
        try check()
        _ = poll(nil, 0, sliceMilliseconds)
    }

    /// The longest that one system call may block before ``check()`` is due again, in milliseconds.
    var sliceMilliseconds: Int32 {
        let (seconds, attoseconds) = remaining.components
        return seconds > 0 ? 50 : Int32(min(50, attoseconds / 1_000_000_000_000_000 + 1))
    }
}
