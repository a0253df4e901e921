import Synchronization

/// Wakes whoever follows the ledger in this process when a batch was committed.
///
/// A wake-up says only that there is something new; several batches may come as one. Events of other processes give none,
/// so followers also look by themselves from time to time.
package final class CommitSignal: Sendable {
    private struct Followers {
        var continuations: [Int: AsyncStream<BatchReport>.Continuation] = [:]
        var collections: [Int: CommittedEvents] = [:]
        var next = 0

        mutating func makeID() -> Int {
            next += 1
            return next
        }
    }

    private let followers = Mutex(Followers())

    package init() {}

    /// Reports from now on, the newest only for who is slow; ends with ``finish()``.
    package func reports() -> AsyncStream<BatchReport> {
        let (stream, continuation) = AsyncStream.makeStream(of: BatchReport.self, bufferingPolicy: .bufferingNewest(1))
        let id = followers.withLock { followers in
            let id = followers.makeID()
            followers.continuations[id] = continuation
            return id
        }
        continuation.onTermination = { [weak self] _ in
            self?.followers.withLock { _ = $0.continuations.removeValue(forKey: id) }
        }
        return stream
    }

    /// Collects what is committed while `body` runs; a batch is there before it is reported.
    package func collecting<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (CommittedEvents) async throws -> Result,
    ) async rethrows -> Result {
        let events = CommittedEvents()
        let id = followers.withLock { followers in
            let id = followers.makeID()
            followers.collections[id] = events
            return id
        }
        defer { followers.withLock { _ = $0.collections.removeValue(forKey: id) } }
        return try await body(events)
    }

    func send(_ report: BatchReport) {
        let (collections, continuations) = followers.withLock { followers in
            (Array(followers.collections.values), Array(followers.continuations.values))
        }
        for collection in collections {
            collection.add(report.events, report.messages)
        }
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
