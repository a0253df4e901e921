/// How long a piece of work may take, and what became of it when it took longer.
struct Wait {
    /// When the caller's patience ends; later, when that of the cancelling ends.
    private(set) var deadline: ContinuousClock.Instant

    /// Why the statement is being cancelled, if it is.
    private(set) var cancellation: PostgresError.Kind?

    /// Rollbacks run to their end though the task was cancelled.
    let ignoresInterrupt: Bool

    init(limit: Duration, ignoresInterrupt: Bool = false) {
        deadline = ContinuousClock.now.advanced(by: limit)
        self.ignoresInterrupt = ignoresInterrupt
    }

    var remaining: Duration {
        ContinuousClock.now.duration(to: deadline)
    }

    /// From now on the wait is for the end of what has been cancelled.
    mutating func cancel(_ reason: PostgresError.Kind, grace: Duration) {
        cancellation = reason
        deadline = ContinuousClock.now.advanced(by: grace)
    }

    /// A new step of a COPY or stream has its own time.
    mutating func restart(limit: Duration) {
        guard cancellation == nil else { return }
        deadline = ContinuousClock.now.advanced(by: limit)
    }
}

extension PostgresSession {
    /// How often a request to cancel is repeated: one that arrives between two statements of a pipeline has no effect.
    private static var cancelInterval: Duration { .milliseconds(250) }

    /// Sleeps until the server has sent something, or, while we have unsent bytes, until it takes some.
    ///
    /// When the time is up or the session is interrupted, it asks the server to cancel and goes on waiting for the end of
    /// the statement. Throws only when the connection is lost or given up.
    mutating func waitForServer(_ wait: inout Wait, writing: Bool = false) throws(PostgresError) {
        while true {
            // After the interrupt its pipe stays readable, so it must not be waited for again.
            let listens = wait.cancellation == nil && !wait.ignoresInterrupt
            var until = wait.deadline
            if wait.cancellation != nil {
                until = min(until, ContinuousClock.now.advanced(by: Self.cancelInterval))
            }
            switch Readiness.await(
                handle.socket,
                listens ? interrupt : nil,
                reading: true,
                writing: writing,
                until: until
            )
            {
            case .ready:
                return
            case .interrupted:
                cancel(.cancelled, &wait)
            case .timedOut where wait.cancellation == nil:
                cancel(.deadline, &wait)
            case .timedOut where ContinuousClock.now < wait.deadline:
                canceller.requestCancel()
            case .timedOut:
                giveUp()
                throw PostgresError(
                    wait.cancellation ?? .deadline,
                    "the server did not end the statement when told to"
                )
            case .failed(let number):
                giveUp()
                throw PostgresError(.connection, "poll failed: errno \(number)")
            }
        }
    }

    /// For loops in which the server keeps up, so that nothing ever waits.
    mutating func cancelIfInterrupted(_ wait: inout Wait) {
        guard wait.cancellation == nil, !wait.ignoresInterrupt, interrupt.isTriggered else { return }
        cancel(.cancelled, &wait)
    }

    /// Asks the server to end the statement, which is then to be waited for.
    mutating func cancel(_ reason: PostgresError.Kind, _ wait: inout Wait) {
        wait.cancel(reason, grace: configuration.cancelGrace)
        canceller.requestCancel()
    }

    /// Sends everything, taking in meanwhile what the server says, so that neither side waits for the other.
    ///
    /// On a lost connection it returns: the server's last words, if any, are the next result.
    mutating func flush(_ wait: inout Wait) throws(PostgresError) {
        while handle.flush() == 1 {
            try waitForServer(&wait, writing: true)
            guard handle.consumeInput() else { return giveUp() }
        }
    }

    /// The next result, nil between the results of two statements; an error if the connection is lost.
    mutating func nextResult(_ wait: inout Wait) throws(PostgresError) -> ResultHandle? {
        while handle.isBusy {
            let isSent = handle.flush() != 1
            try waitForServer(&wait, writing: !isSent)
            guard handle.consumeInput() else {
                giveUp()
                break
            }
        }
        return handle.nextResult()
    }

    /// After a cancelled statement: no request to cancel may still be on its way when the next statement is sent.
    mutating func settle(_ wait: borrowing Wait) {
        guard wait.cancellation != nil else { return }
        if !canceller.waitUntilIdle(until: wait.deadline) { giveUp() }
    }

    mutating func lostConnection() -> PostgresError {
        giveUp()
        return PostgresError(.connection, handle.errorMessage)
    }
}
