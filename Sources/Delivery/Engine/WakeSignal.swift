import Synchronization

/// Lets one waiter go on when something has happened, at the latest at its deadline.
///
/// What happens while nobody waits is not lost: the next wait ends at once. Several occurrences count as one.
final class WakeSignal: Sendable {
    private struct State {
        var hasOccurred = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Has the waiter, or the next one, go on.
    func send() {
        let waiter = state.withLock { state in
            state.hasOccurred = state.waiter == nil
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Waits for an occurrence or the deadline, and no longer than the task is not cancelled; true if something occurred.
    @discardableResult
    func wait(until deadline: ContinuousClock.Instant) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.occurrence() }
            group.addTask {
                // Cancelled when the signal came first.
                try? await Task.sleep(until: deadline, clock: .continuous)
                return false
            }
            let hasOccurred = await group.next() ?? false
            group.cancelAll()
            return hasOccurred
        }
    }

    private func occurrence() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    precondition(state.waiter == nil, "one waiter at a time")
                    guard !state.hasOccurred, !Task.isCancelled else { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
        return state.withLock { state in
            defer { state.hasOccurred = false }
            return state.hasOccurred || !Task.isCancelled
        }
    }
}
