import Dispatch

/// Runs an actor on a thread of its own queue, where it may block.
///
/// A serial queue without a target, which Dispatch gives a thread even while all others are blocked.
package final class ConnectionExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// The label is what debuggers show.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { @Sendable [self] in
            unsafe job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }
}
