import Synchronization

/// One request with its answer, shared by the library's thread, the handler's task and the sweep.
///
/// Its connection holds one reference for as long as the library may come back to it, the task another while it runs.
final class Exchange: Sendable {
    let connection: Connection
    private let address: ConnectionAddress
    private let state: Mutex<ExchangeState>

    init(on connection: Connection, at address: ConnectionAddress, target: String, deadline: ContinuousClock.Instant) {
        self.connection = connection
        self.address = address
        state = Mutex(ExchangeState(target: target, deadline: deadline))
    }

    /// Runs one transition under the lock; what follows from it is done afterwards.
    func advance<Result: Sendable>(_ transition: (inout ExchangeState) -> Result) -> Result {
        state.withLock { transition(&$0) }
    }

    /// What the access callback is being called for.
    enum Call {
        case head(target: String)
        case body
        case answer(HTTPResponse)
        case nothing
    }

    var call: Call {
        state.withLock { state in
            switch state.phase {
            case .begun(let target, _): .head(target: target)
            case .receiving: .body
            case .answered(let response): .answer(response)
            case .handling, .replying, .ended: .nothing
            }
        }
    }
}

// MARK: - Handing over to a task and back

extension Exchange {
    /// Suspends the connection and starts the task that will answer it.
    ///
    /// - Parameter work: runs in the task; it answers through ``answer(_:)``.
    func handle(deadline: ContinuousClock.Instant, work: @escaping @Sendable () async -> Void) {
        // Suspended before anybody else can know of it, so that nobody resumes what is not suspended yet.
        address.suspend()
        state.withLock { $0.handle(deadline: deadline) }
        let task = Task { await work() }
        state.withLock { $0.remember(task) }
    }

    /// Takes the handler's answer and has the connection resumed, unless it was answered before.
    func answer(_ response: HTTPResponse) {
        if state.withLock({ $0.answer(response) }) {
            connection.loop.resumeSoon(address)
        }
    }

    /// Queues an answer on the connection's own thread.
    func queue(_ response: HTTPResponse, deadline: ContinuousClock.Instant, closing: Bool) -> Bool {
        let closes = state.withLock { state in
            state.reply(deadline: deadline, closing: closing)
            return state.closesConnection
        }
        return address.queue(response, closing: closes)
    }

    /// Does what its deadline demands; says what that was.
    func expire(at now: ContinuousClock.Instant, byForce: Bool, answer: () -> HTTPResponse) -> Outcome {
        switch state.withLock({ $0.expire(at: now, byForce: byForce, answer: answer) }) {
        case .none: return .none
        case .cut: return .cut
        case .resume(let task):
            task?.cancel()
            connection.loop.resumeSoon(address)
            return .answered
        }
    }

    enum Outcome {
        case none
        case cut
        case answered
    }
}
