/// Decides who gets which connection, without touching any: events go in, actions come out.
///
/// Connections are made when somebody waits for one. Who waited longest is served first; of the idle ones the last used is
/// taken, so that the others grow old and are closed. While the server cannot be reached one attempt at a time is made, with
/// growing pauses. All times come in with the events.
package struct PoolStateMachine: Sendable {
    /// A time that does not jump with the wall clock.
    package typealias Instant = ContinuousClock.Instant

    /// A connection, from its making to its end; numbers are not used again.
    package struct ConnectionID: Hashable, Sendable {
        /// Counted from 1.
        package let number: Int

        /// For drivers and tests.
        package init(number: Int) {
            self.number = number
        }
    }

    /// One call for a connection.
    package struct WaiterID: Hashable, Sendable {
        /// Counted from 1.
        package let number: Int

        /// For drivers and tests.
        package init(number: Int) {
            self.number = number
        }
    }

    /// Why nobody got anything.
    package enum Refusal: Hashable, Sendable {
        case timedOut
        case cancelled
        case tooManyWaiters
        case closed
    }

    /// What the driver is to do, in order.
    package enum Action: Hashable, Sendable {
        /// Answered with `opened` or `openFailed`.
        case open(ConnectionID)
        /// Answered with `checked`.
        case check(ConnectionID)
        case close(ConnectionID)
        case lend(ConnectionID, WaiterID)
        case refuse(WaiterID, Refusal)
        /// The borrower's time is over: nobody waits for its return any more.
        case interrupt(ConnectionID)
        /// Closed, and nothing is lent.
        case finish
    }

    fileprivate enum Slot {
        case opening
        case idle(since: Instant)
        case checking
        case lent
    }

    /// What it keeps to.
    package let limits: PoolLimits

    private var slots: [ConnectionID: Slot] = [:]
    /// The last used at the end.
    private var idle: [ConnectionID] = []
    /// First come at the front.
    private var waiters: [(id: WaiterID, deadline: Instant)] = []
    private var created = 0

    private var failures = 0
    private var nextAttempt: Instant?

    private var isClosing = false
    private var closeDeadline: Instant?

    /// Without connections.
    package init(limits: PoolLimits) {
        self.limits = limits
    }
}

// MARK: - Borrowing

extension PoolStateMachine {
    /// Somebody wants a connection, and will wait for it until `deadline`.
    package mutating func lease(_ waiter: WaiterID, deadline: Instant, now: Instant) -> [Action] {
        guard !isClosing else { return [.refuse(waiter, .closed)] }
        guard waiters.count < limits.maximumWaiters else { return [.refuse(waiter, .tooManyWaiters)] }
        guard deadline > now else { return [.refuse(waiter, .timedOut)] }
        waiters.append((waiter, deadline))
        return serve(now)
    }

    /// Does nothing if the waiter has been served or refused already.
    package mutating func cancel(_ waiter: WaiterID, _ reason: Refusal = .cancelled) -> [Action] {
        guard let place = waiters.firstIndex(where: { $0.id == waiter }) else { return [] }
        waiters.remove(at: place)
        return [.refuse(waiter, reason)]
    }

    /// A borrower is done; a connection that cannot be used again is closed.
    package mutating func giveBack(_ connection: ConnectionID, isReusable: Bool, now: Instant) -> [Action] {
        guard case .lent = slots[connection] else { return [] }
        guard isReusable, !isClosing else {
            slots[connection] = nil
            return [.close(connection)] + serve(now) + finishIfDone()
        }
        return putDown(connection, now)
    }

    /// For one that is known to be alive.
    private mutating func putDown(_ connection: ConnectionID, _ now: Instant) -> [Action] {
        if !waiters.isEmpty {
            slots[connection] = .lent
            return [.lend(connection, waiters.removeFirst().id)] + serve(now)
        }
        slots[connection] = .idle(since: now)
        idle.append(connection)
        return serve(now)
    }

    /// Gives idle connections to waiters, and has as many made as waiters lack and limits allow.
    private mutating func serve(_ now: Instant) -> [Action] {
        var actions: [Action] = []
        var coming = slots.values.count { $0.isComing }
        var checking = coming - slots.values.count { $0.isOpening }
        while !waiters.isEmpty, let connection = idle.last, case .idle(let since) = slots[connection] {
            let isStale = since.duration(to: now) >= limits.checkAfter
            // All others have been idle for longer, and enough are being tried.
            if isStale, checking >= waiters.count { break }
            idle.removeLast()
            if isStale {
                slots[connection] = .checking
                coming += 1
                checking += 1
                actions.append(.check(connection))
            } else {
                slots[connection] = .lent
                actions.append(.lend(connection, waiters.removeFirst().id))
            }
        }
        while waiters.count > coming, slots.count < limits.maximumConnections, mayOpen(now) {
            created += 1
            let connection = ConnectionID(number: created)
            slots[connection] = .opening
            coming += 1
            actions.append(.open(connection))
        }
        return actions
    }

    private func mayOpen(_ now: Instant) -> Bool {
        guard failures > 0 else { return true }
        return slots.values.allSatisfy { !$0.isOpening } && nextAttempt.map { $0 <= now } ?? true
    }
}

// MARK: - Connections

extension PoolStateMachine {
    /// A connection has been made, which also ends the pauses.
    package mutating func opened(_ connection: ConnectionID, now: Instant) -> [Action] {
        failures = 0
        nextAttempt = nil
        guard case .opening = slots[connection] else { return [.close(connection)] }
        return putDown(connection, now)
    }

    /// `jitter`, from 0 up to 1, keeps the processes of one site from all coming back at the same time.
    package mutating func openFailed(_ connection: ConnectionID, jitter: Double, now: Instant) -> [Action] {
        guard case .opening = slots[connection] else { return [] }
        slots[connection] = nil
        failures += 1
        nextAttempt = now.advanced(by: limits.pause(afterFailures: failures, jitter: jitter))
        return serve(now)
    }

    /// A connection that was idle for long has been tried.
    package mutating func checked(_ connection: ConnectionID, isHealthy: Bool, now: Instant) -> [Action] {
        guard case .checking = slots[connection] else { return [.close(connection)] }
        guard isHealthy else {
            slots[connection] = nil
            return [.close(connection)] + serve(now)
        }
        return putDown(connection, now)
    }
}

// MARK: - Time

extension PoolStateMachine {
    /// Does what is due.
    package mutating func tick(now: Instant) -> [Action] {
        var actions: [Action] = []
        for waiter in waiters where waiter.deadline <= now {
            actions += cancel(waiter.id, .timedOut)
        }
        for connection in idle {
            guard case .idle(let since) = slots[connection], since.duration(to: now) >= limits.closeAfter else {
                continue
            }
            slots[connection] = nil
            idle.removeAll { $0 == connection }
            actions.append(.close(connection))
        }
        if let closeDeadline, closeDeadline <= now {
            for (connection, slot) in slots where slot.isLent {
                slots[connection] = nil
                actions.append(.interrupt(connection))
            }
            actions += finishIfDone()
        }
        return actions + serve(now)
    }

    /// When `tick` has something to do, if nothing else happens.
    package var nextTick: Instant? {
        var instants = waiters.map(\.deadline)
        for case .idle(let since) in slots.values {
            instants.append(since.advanced(by: limits.closeAfter))
        }
        if let nextAttempt, !waiters.isEmpty { instants.append(nextAttempt) }
        if let closeDeadline { instants.append(closeDeadline) }
        return instants.min()
    }
}

// MARK: - The end

extension PoolStateMachine {
    /// Refuses all who wait, closes what is idle, and waits until `deadline` for what is lent.
    package mutating func close(deadline: Instant) -> [Action] {
        guard !isClosing else { return [] }
        isClosing = true
        closeDeadline = deadline
        nextAttempt = nil
        var actions = waiters.map { Action.refuse($0.id, .closed) }
        waiters = []
        idle = []
        for (connection, slot) in slots where !slot.isLent {
            slots[connection] = nil
            // What is being made or checked is closed when that has come to its end.
            if !slot.isComing { actions.append(.close(connection)) }
        }
        return actions + finishIfDone()
    }

    private mutating func finishIfDone() -> [Action] {
        guard isClosing, closeDeadline != nil, slots.isEmpty else { return [] }
        closeDeadline = nil
        return [.finish]
    }
}

extension PoolStateMachine.Slot {
    fileprivate var isOpening: Bool {
        if case .opening = self { true } else { false }
    }

    fileprivate var isLent: Bool {
        if case .lent = self { true } else { false }
    }

    /// Will be idle or gone before long.
    fileprivate var isComing: Bool {
        switch self {
        case .opening, .checking: true
        case .idle, .lent: false
        }
    }
}

// MARK: - Looking

extension PoolStateMachine {
    /// All that exist or are being made.
    package var connectionCount: Int { slots.count }
    /// Those that nobody has.
    package var idleCount: Int { idle.count }
    /// How many wait.
    package var waiterCount: Int { waiters.count }
    /// Closed, with nothing lent.
    package var isFinished: Bool { isClosing && closeDeadline == nil }
}
