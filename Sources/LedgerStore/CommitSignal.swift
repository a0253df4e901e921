import Synchronization

/// Wakes whoever follows the ledger in this process when a batch was committed.
///
/// A wake-up says only that there is something new; several batches may come as one. Events of other processes give none,
/// so followers also look by themselves from time to time.
package final class CommitSignal: Sendable {
    private struct Followers {
        var continuations: [Int: AsyncStream<BatchReport>.Continuation] = [:]
        var next = 0
    }

    private let followers = Mutex(Followers())

    package init() {}

    /// Reports from now on, the newest only for who is slow; ends with ``finish()``.
    package func reports() -> AsyncStream<BatchReport> {
        let (stream, continuation) = AsyncStream.makeStream(of: BatchReport.self, bufferingPolicy: .bufferingNewest(1))
        let id = followers.withLock { followers in
            followers.next += 1
            followers.continuations[followers.next] = continuation
            return followers.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.followers.withLock { _ = $0.continuations.removeValue(forKey: id) }
        }
        return stream
    }

    func send(_ report: BatchReport) {
        let continuations = followers.withLock { Array($0.continuations.values) }
        for continuation in continuations {
            continuation.yield(report)
        }
    }

    func finish() {
        let continuations = followers.withLock { Array($0.continuations.values) }
        for continuation in continuations {
            continuation.finish()
        }
    }
}
