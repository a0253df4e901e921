import Glibc
import Synchronization

/// One client's connection: who it is, and what it is waited for.
final class Connection: Sendable {
    let loop: EventLoop
    let peer: HTTPRequest.Peer
    private let state: Mutex<State>

    struct State {
        let descriptor: Int32
        var isOpen = true
        var phase: Phase
        /// What the library points to: kept until it has let go of it, or of the connection.
        ///
        /// It does not report every request that it gives up as completed (0.9.75), but every connection as closed.
        var exchange: Exchange?
    }

    enum Phase {
        /// A request may begin; until then there is no telling how much of its first line has arrived.
        case awaiting(since: ContinuousClock.Instant, deadline: ContinuousClock.Instant)
        case exchanging
        /// We have closed it; what still arrives is not served.
        case cut
    }

    init(
        of loop: EventLoop,
        peer: HTTPRequest.Peer,
        descriptor: Int32,
        now: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant,
    ) {
        self.loop = loop
        self.peer = peer
        state = Mutex(State(descriptor: descriptor, phase: .awaiting(since: now, deadline: deadline)))
    }
}

// MARK: - Events

extension Connection {
    /// A request begins; its deadline is this one or the connection's, whichever is earlier.
    func begin(at address: ConnectionAddress, target: String, deadline: ContinuousClock.Instant) -> Exchange {
        state.withLock { state in
            var deadline = deadline
            if case .awaiting(_, let limit) = state.phase { deadline = min(deadline, limit) }
            let exchange = Exchange(on: self, at: address, target: target, deadline: deadline)
            if case .cut = state.phase {
                _ = exchange.advance { $0.end() }
            } else {
                state.phase = .exchanging
            }
            state.exchange = exchange
            return exchange
        }
    }

    /// The request is done with, in whatever way; another may follow.
    func end(now: ContinuousClock.Instant, deadline: ContinuousClock.Instant) {
        state.withLock { state in
            state.exchange = nil
            if case .exchanging = state.phase { state.phase = .awaiting(since: now, deadline: deadline) }
        }
    }

    /// The library is about to close the descriptor; gives back the exchange that it never reported as completed, if any.
    func close() -> Exchange? {
        state.withLock { state in
            state.isOpen = false
            return state.exchange.take()
        }
    }
}

// MARK: - Sweeping

extension Connection {
    /// The exchange under way, if one is.
    var exchange: Exchange? {
        state.withLock { state in
            if case .exchanging = state.phase { state.exchange } else { nil }
        }
    }

    /// Closes the connection, unless this exchange has ended in the meantime.
    func cut(_ exchange: Exchange) -> Bool {
        state.withLock { state in
            guard case .exchanging = state.phase, state.exchange === exchange else { return false }
            return state.cut(whilePending: true)
        }
    }

    /// Closes the connection if it has waited for a request past its deadline, or for so long without a byte.
    func cutIfWaiting(at now: ContinuousClock.Instant, idleFor grace: Duration?) -> Bool {
        state.withLock { state in
            guard case .awaiting(let since, let deadline) = state.phase else { return false }
            if deadline <= now { return state.cut(whilePending: true) }
            guard let grace, since.advanced(by: grace) <= now else { return false }
            return state.cut(whilePending: false)
        }
    }
}

extension Connection.State {
    /// Shuts the socket down both ways; the library notices and cleans up.
    ///
    /// - Parameter whilePending: also when bytes have arrived that the library has not read yet.
    mutating func cut(whilePending: Bool) -> Bool {
        guard isOpen else { return false }
        if !whilePending {
            var byte: UInt8 = 0
            guard unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) <= 0 else {
                return false
            }
        }
        // Under the lock that closing takes: the descriptor cannot have been reused.
        shutdown(descriptor, Int32(SHUT_RDWR))
        phase = .cut
        return true
    }
}
