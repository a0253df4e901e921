package import Ledger
package import Postgres
package import Sharing
import Synchronization

/// Collects decisions and carries them out in batches, each one transaction under the ledger's lock.
///
/// One per process. While one batch commits the next one collects, so a lone request waits for nobody and a crowd shares
/// a commit. What is decided here, and in what order, is the order of the ledger.
package final class Appender: Sendable {
    /// Bounds of what waits and of what one transaction holds.
    package struct Limits: Sendable {
        package var batchCount = 256
        package var batchByteCount = 4 * 1024 * 1024
        package var queueCount = 4096
        package var queueByteCount = 64 * 1024 * 1024

        package init() {}
    }

    private struct Queue {
        var requests: [AppendRequest] = []
        var byteCount = 0
        var isRunning = false
        var isClosed = false
        var unavailable: String?
        var idleWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let queue = Mutex(Queue())
    private let limits: Limits
    private let worker: AppendWorker
    private let onCommit: @Sendable (BatchReport) -> Void

    /// - Parameter onCommit: Told of every committed batch, for wake-ups and metrics.
    package init(
        worker: AppendWorker,
        limits: Limits = Limits(),
        onCommit: @escaping @Sendable (BatchReport) -> Void,
    ) {
        self.worker = worker
        self.limits = limits
        self.onCommit = onCommit
    }

    /// Carries out a decision and returns its result once that is committed.
    ///
    /// - Parameters:
    ///   - keys: What of the state `decide` reads.
    ///   - byteCount: About how many bytes it stores.
    ///   - additional: Statements of the same transaction that depend on the result.
    ///   - decide: Runs under the ledger's lock, maybe more than once; it must have no effect but on the transaction.
    package func append<Result: Sendable>(
        _ keys: StateKeys,
        byteCount: Int,
        additional: @escaping @Sendable (Result) -> [SQL] = { _ in [] },
        decide: @escaping @Sendable (inout SharingTransaction) -> Result,
    ) async throws(AppendError) -> Result {
        let result = Kept<Result>()
        let outcome: AppendOutcome = await withCheckedContinuation { continuation in
            submit(
                AppendRequest(
                    keys: keys,
                    byteCount: byteCount,
                    run: { transaction in result.set(decide(&transaction)) },
                    additional: { result.value.map(additional) ?? [] },
                    finish: { continuation.resume(returning: $0) },
                ),
            )
        }
        switch outcome {
        case .failed(let error): throw error
        case .committed:
            guard let value = result.value else { preconditionFailure("a committed decision has run") }
            return value
        }
    }

    /// Lets what waits be carried out, takes nothing more, and returns when all is answered.
    package func close() async {
        await withCheckedContinuation { continuation in
            let isIdle = queue.withLock { queue in
                queue.isClosed = true
                if queue.isRunning { queue.idleWaiters.append(continuation) }
                return !queue.isRunning
            }
            if isIdle { continuation.resume() }
        }
        await worker.close()
    }

    /// How many requests wait for their batch, without those of the batch under way.
    package var waitingCount: Int {
        queue.withLock(\.requests.count)
    }

    /// Whether nothing more is taken.
    package var isClosed: Bool {
        queue.withLock(\.isClosed)
    }

    /// What is counted of its batches.
    package var metrics: AppendMetrics {
        worker.metrics
    }

    /// What is wrong with a ledger that has lost events; then nothing is taken until the process is started again.
    package var loss: String? {
        worker.headWatch.loss
    }

    /// Has every request fail at once while `cause` is set, as long as durability is not promised.
    package func setUnavailable(_ cause: String?) {
        queue.withLock { $0.unavailable = cause }
    }

    // MARK: Queue

    private func submit(_ request: AppendRequest) {
        let action = queue.withLock { queue -> SubmitAction in
            if queue.isClosed { return .fail(.unavailable("the service is stopping")) }
            if let cause = queue.unavailable { return .fail(.unavailable(cause)) }
            guard queue.requests.count < limits.queueCount, queue.byteCount + request.byteCount <= limits.queueByteCount
            else { return .fail(.overloaded) }
            queue.requests.append(request)
            queue.byteCount += request.byteCount
            defer { queue.isRunning = true }
            return queue.isRunning ? .wait : .start
        }
        switch action {
        case .wait: break
        case .fail(let error): request.finish(.failed(error))
        case .start: Task.immediate { await self.run() }
        }
    }

    private enum SubmitAction {
        case wait
        case start
        case fail(AppendError)
    }

    private func run() async {
        await worker.carryOut({ takeBatch() }, report: onCommit)
    }

    private func takeBatch() -> [AppendRequest]? {
        let (batch, waiters) = queue.withLock { queue -> ([AppendRequest]?, [CheckedContinuation<Void, Never>]) in
            guard !queue.requests.isEmpty else {
                queue.isRunning = false
                defer { queue.idleWaiters = [] }
                return (nil, queue.idleWaiters)
            }
            var count = 0
            var byteCount = 0
            while count < queue.requests.count, count < limits.batchCount {
                let next = queue.requests[count].byteCount
                guard count == 0 || byteCount + next <= limits.batchByteCount else { break }
                byteCount += next
                count += 1
            }
            let batch = Array(queue.requests.prefix(count))
            queue.requests.removeFirst(count)
            queue.byteCount -= byteCount
            return (batch, [])
        }
        for waiter in waiters {
            waiter.resume()
        }
        return batch
    }
}

/// What one committed batch held.
package struct BatchReport: Sendable {
    package let requestCount: Int

    /// In order of position.
    package let events: [SequencedEvent]

    /// See ``SharingTransaction/Changes/messages``.
    package let messages: [(position: Position, taken: TakenMessage)]

    /// The position after the last event.
    package let next: Position

    /// Whether deliveries were enqueued.
    package let hasDeliveries: Bool
}

/// The result of a decision, written on the appender's thread and read by the caller.
private final class Kept<Value: Sendable>: Sendable {
    private let storage = Mutex<Value?>(nil)

    func set(_ value: Value) {
        storage.withLock { $0 = value }
    }

    var value: Value? {
        storage.withLock { $0 }
    }
}
