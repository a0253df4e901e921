import Ledger
import LedgerStore
import Postgres
import Sharing
import Synchronization

/// Gathers what is to be recorded of attempts, so that many of them share a commit and its statements.
///
/// While one lot commits the next one collects. A lot that the database refuses is recorded entry by entry.
final class AttemptRecorder: Sendable {
    private struct Waiting {
        let entry: AttemptEntry
        let finish: @Sendable (Result<EntryResult, AppendError>) -> Void
    }

    private struct Queue {
        var waiting: [Waiting] = []
        var isRunning = false
    }

    private static let maximumCount = 128
    private static let maximumByteCount = 2 << 20

    private let appender: Appender
    private let gatherTime: Duration
    private let onCommit: @Sendable () -> Void
    private let queue = Mutex(Queue())

    /// - Parameter onCommit: Told when something may have become free to be claimed.
    init(appender: Appender, gatherTime: Duration, onCommit: @escaping @Sendable () -> Void) {
        self.appender = appender
        self.gatherTime = gatherTime
        self.onCommit = onCommit
    }

    /// Returns once the entry is committed; cancelling the task does not hurry it.
    func record(_ entry: AttemptEntry) async throws(AppendError) -> EntryResult {
        let result: Result<EntryResult, AppendError> = await withCheckedContinuation { continuation in
            let mustStart = queue.withLock { queue in
                queue.waiting.append(Waiting(entry: entry) { continuation.resume(returning: $0) })
                defer { queue.isRunning = true }
                return !queue.isRunning
            }
            if mustStart { Task { await self.run() } }
        }
        return try result.get()
    }

    private func run() async {
        repeat {
            // The others of the same claim are a moment behind the first; nobody cancels this task.
            if isSmall { try? await Task.sleep(for: gatherTime) }
            guard let lot = take() else { return }
            await carryOut(lot)
        } while true
    }

    /// Whether a few more entries would be worth waiting for: a commit costs about as much as sixteen of them.
    private var isSmall: Bool {
        queue.withLock { (1..<16).contains($0.waiting.count) }
    }

    private func take() -> [Waiting]? {
        queue.withLock { queue in
            guard !queue.waiting.isEmpty else {
                queue.isRunning = false
                return nil
            }
            var count = 0
            var byteCount = 0
            while count < queue.waiting.count, count < Self.maximumCount {
                let next = queue.waiting[count].entry.byteCount
                guard count == 0 || byteCount + next <= Self.maximumByteCount else { break }
                byteCount += next
                count += 1
            }
            defer { queue.waiting.removeFirst(count) }
            return Array(queue.waiting.prefix(count))
        }
    }

    private func carryOut(_ lot: [Waiting]) async {
        do throws(AppendError) {
            let results = try await append(lot.map(\.entry))
            if lot.contains(where: { $0.entry.mayFreeOthers }) { onCommit() }
            for (waiting, result) in zip(lot, results) {
                waiting.finish(.success(result))
            }
        } catch {
            guard case .refused = error, lot.count > 1 else {
                for waiting in lot { waiting.finish(.failure(error)) }
                return
            }
            for waiting in lot {
                await carryOut([waiting])
            }
        }
    }

    private func append(_ entries: [AttemptEntry]) async throws(AppendError) -> [EntryResult] {
        var keys = StateKeys()
        for entry in entries {
            keys.formUnion(entry.keys)
        }
        return try await appender.append(
            keys,
            byteCount: entries.reduce(0) { $0 + $1.byteCount },
            additional: { outcomes in
                var statements = QueueChange.statements(for: outcomes.changes, at: outcomes.now)
                if !outcomes.finishedReplays.isEmpty {
                    statements.append(QueueChange.finishReplays(outcomes.finishedReplays, outcomes.now))
                }
                return statements
            },
            decide: { transaction in transaction.record(entries) },
        ).results
    }
}
