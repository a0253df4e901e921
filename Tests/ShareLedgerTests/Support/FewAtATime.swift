import Synchronization
import Testing

/// Has a few tests of this target run at a time: each has a PostgreSQL of its own, and fifty of them at once on two cores
/// only make each other's deadlines pass.
struct FewAtATime: TestTrait, SuiteTrait, TestScoping {
    private static let places = Places(count: 5)

    var isRecursive: Bool {
        true
    }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void,
    ) async throws {
        await Self.places.take()
        defer { Self.places.giveBack() }
        try await function()
    }
}

extension Trait where Self == FewAtATime {
    /// See ``FewAtATime``; every suite that starts services carries it.
    static var fewAtATime: Self { FewAtATime() }
}

/// A number of places, given to who waits longest.
private final class Places: Sendable {
    private struct State {
        var free: Int
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(free: count))
    }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiters.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
