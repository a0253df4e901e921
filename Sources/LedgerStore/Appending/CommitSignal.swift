import Synchronization

/// Tells whoever follows the ledger in this process what was committed, batch by batch.
///
/// Events of other processes are not told, so followers also look by themselves from time to time.
package final class CommitSignal: Sendable {
    /// Called on the appender's thread, before the batch is answered: must be short, and must not wait for anything.
    package typealias Observer = @Sendable (BatchReport) -> Void

    private struct Observers {
        var all: [Int: Observer] = [:]
        var next = 0
    }

    private let observers = Mutex(Observers())

    package init() {}

    /// Has an observer told until it is removed, by what this returns.
    package func add(_ observer: @escaping Observer) -> Int {
        observers.withLock { observers in
            observers.next += 1
            observers.all[observers.next] = observer
            return observers.next
        }
    }

    package func remove(_ id: Int) {
        observers.withLock { _ = $0.all.removeValue(forKey: id) }
    }

    /// Has an observer told while `body` runs.
    package func observing<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ observer: @escaping Observer,
        while body: () async throws -> Result,
    ) async rethrows -> Result {
        let id = add(observer)
        defer { remove(id) }
        return try await body()
    }

    func send(_ report: BatchReport) {
        for observer in observers.withLock({ Array($0.all.values) }) {
            observer(report)
        }
    }
}
