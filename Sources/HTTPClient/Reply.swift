import Synchronization

/// One value, given once on any thread and awaited once, in either order.
final class Reply<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, Never>)
        case given(Value)
        case taken
    }

    private let state = Mutex(State.open)

    /// Gives the value; only the first one counts.
    func give(_ value: Value) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, Never>? in
            switch state {
            case .open:
                state = .given(value)
                return nil
            case .awaited(let continuation):
                state = .taken
                return continuation
            case .given, .taken:
                return nil
            }
        }
        continuation?.resume(returning: value)
    }

    /// Waits for the value; whoever cancels the waiting must see to it that one is given.
    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let given = state.withLock { state -> Value? in
                switch state {
                case .open:
                    state = .awaited(continuation)
                    return nil
                case .given(let value):
                    state = .taken
                    return value
                case .awaited, .taken:
                    preconditionFailure("a reply is awaited once")
                }
            }
            if let given {
                continuation.resume(returning: given)
            }
        }
    }
}
