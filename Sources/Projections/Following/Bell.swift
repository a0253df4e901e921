import Synchronization

/// Wakes one task that waits; rung while nobody waits, it wakes the next one that does at once.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Wakes who waits, or who waits next.
    func ring() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.isRung = state.waiter == nil
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when the bell was rung, after `limit`, or when the task is cancelled; says whether it was rung.
    @discardableResult
    func wait(atMost limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                // Cancelled or not, the time is over.
                try? await Task.sleep(for: limit)
                return false
            }
            let isRung = await group.next() ?? false
            group.cancelAll()
            return isRung
        }
    }

    private func wait() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    // The handler of a task that was cancelled earlier came before there was anybody to wake.
                    let isReady = state.isRung || Task.isCancelled
                    if isReady { state.isRung = false } else { state.waiter = continuation }
                    return isReady
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }?.resume()
        }
        return !Task.isCancelled
    }
}
