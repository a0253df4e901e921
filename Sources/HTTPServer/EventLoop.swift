import Logging
import Synchronization

/// One thread that drives one daemon: the only one that ever touches the library's objects.
///
/// Handlers run elsewhere; an answer comes back through an inbox, and the loop resumes its connection. Answers that come
/// in while the loop is busy are taken together, with one wake-up for all of them.
final class EventLoop: Sendable {
    let server: HTTPServer
    private let wakeup: Wakeup
    private let state = Mutex(State())
    /// Suspended connections: the daemon must not be stopped before there are none.
    private let suspendedCount = Atomic(0)
    /// Whether a stop has begun: every answer closes its connection.
    private let draining = Atomic(false)

    struct State {
        var stage = Stage.serving
        /// Suspended connections whose answers are ready.
        var resumable: [ConnectionAddress] = []
        var connections: [ObjectIdentifier: Connection] = [:]
        var lastMessage: String?
    }

    /// How far a stop has come.
    enum Stage: Sendable {
        case serving
        /// Nothing new is accepted; what has been taken is being answered.
        case draining(until: ContinuousClock.Instant)
        /// What is left is answered for the handlers, and given a moment to go out.
        case forcing(until: ContinuousClock.Instant)
    }

    /// How often deadlines are looked at, in milliseconds.
    private static let sweepInterval: Int32 = 200
    /// The same while somebody waits for the server to stop.
    private static let drainInterval: Int32 = 10
    /// Time for forced answers to go out.
    private static let flushTime = Duration.seconds(1)
    /// Rounds in which a stopping loop accepts those who have connected already, eleven or so at a time.
    private static let backlogRounds = 64

    init(for server: HTTPServer) throws(HTTPServerError) {
        self.server = server
        wakeup = try Wakeup()
    }

    /// Runs one change of the state under its lock.
    func advance<Result: Sendable>(_ change: (inout State) -> Result) -> Result {
        state.withLock { change(&$0) }
    }
}

// MARK: - On the loop's thread

extension EventLoop {
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    /// Whether a stop waits for no handler any more, so that none may begin.
    var isForcing: Bool {
        guard isDraining, case .forcing = state.withLock({ $0.stage }) else { return false }
        return true
    }

    /// Expects one more answer before the loop may end.
    func willSuspend() {
        suspendedCount.add(1, ordering: .relaxed)
    }
}

// MARK: - From any thread

extension EventLoop {
    /// Has the loop resume a suspended connection; exactly once after each suspension.
    func resumeSoon(_ address: ConnectionAddress) {
        let isFirst = state.withLock { state in
            state.resumable.append(address)
            return state.resumable.count == 1
        }
        if isFirst { wakeup.signal() }
    }

    /// Has the loop begin to stop, or give it less time to.
    func drain(until deadline: ContinuousClock.Instant) {
        state.withLock { state in
            if case .forcing = state.stage { return }
            state.stage = .draining(until: deadline)
        }
        draining.store(true, ordering: .releasing)
        wakeup.signal()
    }

    var connectionCount: Int {
        state.withLock { $0.connections.count }
    }

    /// What the library said last, for an error while starting.
    var lastLibraryMessage: String? {
        state.withLock { $0.lastMessage }
    }
}

// MARK: - The thread

extension EventLoop {
    /// Serves until a stop is complete.
    func run(_ daemon: consuming Daemon) {
        var isAccepting = true
        var nextSweep = ContinuousClock.now
        while true {
            daemon.wait(for: wakeup, atMost: isAccepting ? Self.sweepInterval : Self.drainInterval)
            for address in takeResumable() {
                address.resume()
            }
            daemon.turn()
            let now = ContinuousClock.now
            if isAccepting, isDraining {
                isAccepting = false
                acceptNoMore(daemon)
            }
            if isAccepting {
                guard nextSweep <= now else { continue }
                nextSweep = now.advanced(by: .milliseconds(Self.sweepInterval))
            }
            sweep(state.withLock { $0.stage }, at: now)
            if hasDrained(at: now) { break }
        }
    }

    private func takeResumable() -> [ConnectionAddress] {
        state.withLock { state in
            guard !state.resumable.isEmpty else { return [] }
            suspendedCount.subtract(state.resumable.count, ordering: .relaxed)
            defer { state.resumable.removeAll(keepingCapacity: true) }
            return state.resumable
        }
    }

    /// Takes those who have connected already, and closes the door.
    private func acceptNoMore(_ daemon: borrowing Daemon) {
        for _ in 0..<Self.backlogRounds where daemon.hasBacklog {
            daemon.turn()
        }
        daemon.quiesce()
        server.loopQuiesced()
    }

    /// Whether everything is answered, or all patience spent; moves on from one kind of patience to the next.
    private func hasDrained(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { state in
            let isQuiet = suspendedCount.load(ordering: .relaxed) == 0 && state.connections.isEmpty
            switch state.stage {
            case .serving:
                return false
            case .draining(let until):
                if until <= now { state.stage = .forcing(until: now.advanced(by: Self.flushTime)) }
                return isQuiet
            case .forcing(let until):
                return isQuiet || (suspendedCount.load(ordering: .relaxed) == 0 && until <= now)
            }
        }
    }
}

// MARK: - Deadlines

extension EventLoop {
    /// Cuts and answers what is past its deadline, and hurries what a stop waits for.
    private func sweep(_ stage: Stage, at now: ContinuousClock.Instant) {
        let grace: Duration?
        let isForced: Bool
        switch stage {
        case .serving: (grace, isForced) = (nil, false)
        case .draining: (grace, isForced) = (server.configuration.drainGrace, false)
        case .forcing: (grace, isForced) = (.zero, true)
        }
        for connection in state.withLock({ Array($0.connections.values) }) {
            guard let exchange = connection.exchange else {
                if connection.cutIfWaiting(at: now, idleFor: grace), grace == nil { hasCut(connection) }
                continue
            }
            expire(exchange, at: now, byForce: isForced)
        }
    }

    private func hasCut(_ connection: Connection) {
        server.load.count(\.connectionsCut)
        server.logger.debug("cut a connection", metadata: ["http.peer": "\(connection.peer)"])
    }

    private func expire(_ exchange: Exchange, at now: ContinuousClock.Instant, byForce isForced: Bool) {
        switch exchange.expire(at: now, byForce: isForced, answer: server.configuration.timeoutResponse) {
        case .none: break
        case .cut:
            if exchange.connection.cut(exchange) { hasCut(exchange.connection) }
        case .answered:
            server.load.count(\.timedOut)
            server.logger.warning(
                "a request was answered before its handler had ended",
                metadata: ["http.peer": "\(exchange.connection.peer)"]
            )
        }
    }
}
