import Dispatch

/// Runs the jobs of one actor on a queue of its own, so that it may block without starving the cooperative pool.
package final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// - Parameter label: what a debugger shows for the queue.
    package init(label: String) {
        queue = DispatchQueue(label: label)
    }

    /// What an actor returns as its `unownedExecutor`; the actor owns this executor, so it outlives every job.
    @safe package var unowned: UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { @Sendable in
            unsafe job.runSynchronously(on: self.unowned)
        }
    }
}
