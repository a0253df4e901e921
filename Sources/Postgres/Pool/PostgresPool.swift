import Dispatch
import Synchronization

/// A bounded number of connections, lent one borrower at a time, first come first served.
///
/// ``run()`` must be running, as it is what connects. Connections are made on demand and kept; broken ones are dropped, and
/// one that comes back inside a transaction is rolled back first.
package final class PostgresPool: Sendable {
    private typealias ConnectionID = PoolStateMachine.ConnectionID
    private typealias WaiterID = PoolStateMachine.WaiterID

    private struct State {
        var machine: PoolStateMachine
        var connections: [ConnectionID: PostgresConnection] = [:]
        var waiters: [WaiterID: CheckedContinuation<Lease, any Error>] = [:]
        var closers: [CheckedContinuation<Void, Never>] = []
        var waiterCount = 0
        var lastFailure: PostgresError?
        var timer: ContinuousClock.Instant?
    }

    private struct Lease: Sendable {
        let id: ConnectionID
        let connection: PostgresConnection
    }

    private enum Work: Sendable {
        case open(ConnectionID)
        case check(ConnectionID, PostgresConnection)
    }

    private let configuration: PostgresConfiguration
    private let limits: PoolLimits
    private let state: Mutex<State>
    private let work: AsyncStream<Work>
    private let workContinuation: AsyncStream<Work>.Continuation
    private let timerQueue = DispatchQueue(label: "shareledger.postgres.pool")

    /// Connects to nothing until somebody asks for a connection and ``run()`` runs.
    package init(_ configuration: PostgresConfiguration, limits: PoolLimits = PoolLimits()) {
        self.configuration = configuration
        self.limits = limits
        state = Mutex(State(machine: PoolStateMachine(limits: limits)))
        (work, workContinuation) = AsyncStream.makeStream()
    }

    /// A pool for the length of `body`; closed when that ends.
    package static func with<Result: Sendable>(
        _ configuration: PostgresConfiguration,
        limits: PoolLimits = PoolLimits(),
        _ body: (PostgresPool) async throws -> Result,
    ) async throws -> Result {
        let pool = PostgresPool(configuration, limits: limits)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            do {
                let result = try await body(pool)
                await pool.close()
                return result
            } catch {
                await pool.close()
                throw error
            }
        }
    }
}

// MARK: - Borrowing

extension PostgresPool {
    /// Lends a connection to `body`, which must not keep it.
    ///
    /// Throws ``PostgresError`` of kind `deadline` when none became free in time, `cancelled`, or `connection` when the pool
    /// is closed or too many wait. Nil as limit means ``PoolLimits/leaseTimeout``, for the waiting only.
    package func withConnection<Result>(
        within limit: Duration? = nil,
        _ body: (PostgresConnection) async throws -> Result,
    ) async throws -> Result {
        let lease = try await lease(within: limit ?? limits.leaseTimeout)
        do {
            let result = try await body(lease.connection)
            await giveBack(lease)
            return result
        } catch {
            await giveBack(lease)
            throw error
        }
    }

    /// ``withConnection(within:_:)`` for work that needs no more than the session.
    package func withSession<Result: Sendable>(
        within limit: Duration? = nil,
        _ body: sending (inout PostgresSession) throws -> Result,
    ) async throws -> Result {
        let lease = try await lease(within: limit ?? limits.leaseTimeout)
        do {
            let result = try await lease.connection.withSession(body)
            await giveBack(lease)
            return result
        } catch {
            await giveBack(lease)
            throw error
        }
    }

    private func lease(within limit: Duration) async throws -> Lease {
        let waiter = state.withLock { state in
            state.waiterCount += 1
            return WaiterID(number: state.waiterCount)
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                act { state, now in
                    state.waiters[waiter] = continuation
                    return state.machine.lease(waiter, deadline: now.advanced(by: limit), now: now)
                }
                // The handler of a task that was cancelled earlier came before there was anybody to cancel.
                if Task.isCancelled { act { state, _ in state.machine.cancel(waiter) } }
            }
        } onCancel: {
            act { state, _ in state.machine.cancel(waiter) }
        }
    }

    private func giveBack(_ lease: Lease) async {
        if !lease.connection.isClean, !lease.connection.isBroken { await lease.connection.restore() }
        let isReusable = lease.connection.isClean
        act { state, now in state.machine.giveBack(lease.id, isReusable: isReusable, now: now) }
    }
}

// MARK: - Running

extension PostgresPool {
    /// Makes and checks connections until the pool is closed; cancelling it closes the pool.
    package func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await work in work {
                    group.addTask { await self.perform(work) }
                }
                // What is still connecting is not wanted any more.
                group.cancelAll()
            }
        } onCancel: {
            beginClosing(within: limits.leaseTimeout)
        }
    }

    /// Refuses who waits and comes, and returns when everything lent is back, or its work has been cancelled at the limit.
    package func close(within limit: Duration = .seconds(30)) async {
        beginClosing(within: limit)
        await withCheckedContinuation { continuation in
            act { state, _ in
                guard !state.machine.isFinished else {
                    continuation.resume()
                    return []
                }
                state.closers.append(continuation)
                return []
            }
        }
    }

    private func beginClosing(within limit: Duration) {
        act { state, now in state.machine.close(deadline: now.advanced(by: limit)) }
    }

    private func perform(_ work: Work) async {
        switch work {
        case .open(let id):
            do {
                let connection = try await PostgresConnection.open(configuration)
                act { state, now in
                    state.connections[id] = connection
                    state.lastFailure = nil
                    return state.machine.opened(id, now: now)
                }
            } catch {
                act { state, now in
                    state.lastFailure = error as? PostgresError
                    return state.machine.openFailed(id, jitter: Double.random(in: 0..<1), now: now)
                }
            }
        case .check(let id, let connection):
            let isHealthy: Bool
            do {
                isHealthy = try await connection.query("SELECT 1", within: .seconds(5)).count == 1
            } catch {
                // Why it is dead does not matter: another is made.
                isHealthy = false
            }
            act { state, now in state.machine.checked(id, isHealthy: isHealthy && connection.isClean, now: now) }
        }
    }
}

// MARK: - Acting

extension PostgresPool {
    /// Lets the machine decide under the lock, and does what it decided outside.
    private func act(_ decide: (inout State, ContinuousClock.Instant) -> [PoolStateMachine.Action]) {
        let now = ContinuousClock.now
        let (effects, timer) = state.withLock { state in
            let actions = decide(&state, now)
            return (actions.map { effect(of: $0, &state) }, nextTimer(&state))
        }
        effects.forEach { $0() }
        guard let timer else { return }
        let delay = max(.zero, now.duration(to: timer)).timeInterval
        timerQueue.asyncAfter(deadline: .now() + delay) { @Sendable [weak self] in
            self?.act { state, now in
                state.timer = nil
                return state.machine.tick(now: now)
            }
        }
    }

    /// When to look again, unless a timer is already set for then or before.
    private func nextTimer(_ state: inout State) -> ContinuousClock.Instant? {
        guard let next = state.machine.nextTick else { return nil }
        if let timer = state.timer, timer <= next { return nil }
        state.timer = next
        return next
    }

    private func effect(of action: PoolStateMachine.Action, _ state: inout State) -> () -> Void {
        switch action {
        case .open(let id):
            return { self.workContinuation.yield(.open(id)) }
        case .check(let id):
            guard let connection = state.connections[id] else { return {} }
            return { self.workContinuation.yield(.check(id, connection)) }
        case .close(let id):
            // The last reference closes it, outside the lock.
            let connection = state.connections.removeValue(forKey: id)
            return { withExtendedLifetime(connection) {} }
        case .lend(let id, let waiter):
            guard let connection = state.connections[id] else { preconditionFailure("lent before it was opened") }
            let continuation = state.waiters.removeValue(forKey: waiter)
            return { continuation?.resume(returning: Lease(id: id, connection: connection)) }
        case .refuse(let waiter, let reason):
            let continuation = state.waiters.removeValue(forKey: waiter)
            let error = PostgresError(reason, lastFailure: state.lastFailure)
            return { continuation?.resume(throwing: error) }
        case .interrupt(let id):
            let connection = state.connections.removeValue(forKey: id)
            return { connection?.cancelCurrentWork() }
        case .finish:
            let closers = state.closers
            state.closers = []
            return {
                self.workContinuation.finish()
                closers.forEach { $0.resume() }
            }
        }
    }
}

extension PostgresError {
    fileprivate init(_ refusal: PoolStateMachine.Refusal, lastFailure: PostgresError?) {
        switch refusal {
        case .timedOut:
            let cause = lastFailure.map { "; the last attempt to connect: \($0)" } ?? ""
            self.init(.deadline, "no connection became free in time\(cause)")
        case .cancelled: self.init(.cancelled, "cancelled while waiting for a connection")
        case .tooManyWaiters: self.init(.connection, "too many are waiting for a connection")
        case .closed: self.init(.connection, "the pool is closed")
        }
    }
}
