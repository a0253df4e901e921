import Synchronization

/// A ``PostgresSession`` for async code: it blocks a thread of its own, never one of Swift's.
///
/// Calls take turns. When the calling task is cancelled, the statement that runs for it is cancelled too.
package actor PostgresConnection {
    private struct Condition {
        var isBroken = false
        var isClean = true
    }

    private nonisolated let executor: ConnectionExecutor
    private nonisolated let interrupt: SessionInterrupt
    private nonisolated let condition = Mutex(Condition())
    private var session: PostgresSession?

    /// What keeps the actor, and with it libpq, on a thread of its own.
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    /// Connects, and returns when the server is ready; throws as ``PostgresSession/open(_:interrupt:)`` does.
    ///
    /// - Parameter executor: That of an actor which has the connection to itself: its calls then change no thread.
    package static func open(
        _ configuration: PostgresConfiguration,
        on executor: ConnectionExecutor = ConnectionExecutor(label: "shareledger.postgres.connection"),
    ) async throws -> PostgresConnection {
        let connection = try PostgresConnection(executor)
        try await connection.connect(configuration)
        return connection
    }

    private init(_ executor: ConnectionExecutor) throws(PostgresError) {
        self.executor = executor
        interrupt = try SessionInterrupt()
    }

    private func connect(_ configuration: PostgresConfiguration) async throws {
        try await withInterrupt {
            session = try PostgresSession.open(configuration, interrupt: interrupt)
        }
    }

    /// Ends the connection; what is called afterwards throws ``PostgresError`` of kind `connection`.
    package func close() {
        session = nil
        condition.withLock { $0 = Condition(isBroken: true, isClean: false) }
    }
}

// MARK: - State

extension PostgresConnection {
    /// The connection is lost or closed.
    package nonisolated var isBroken: Bool {
        condition.withLock(\.isBroken)
    }

    /// Connected, and outside a transaction.
    package nonisolated var isClean: Bool {
        condition.withLock(\.isClean)
    }

    /// Stops what the connection is doing.
    nonisolated func cancelCurrentWork() {
        interrupt.trigger()
    }
}

// MARK: - Work

extension PostgresConnection {
    /// Lends the session to `body`, which runs on the connection's thread and may block it.
    ///
    /// Cancelling the task ends the statement that is running, and lets no other begin.
    package func withSession<Result: Sendable>(
        _ body: sending (inout PostgresSession) throws -> Result
    ) async throws -> Result {
        try await withInterrupt {
            let result = try session.mutate { session in
                defer { note(session) }
                return try body(&session)
            }
            guard let result else { throw PostgresError(.connection, "the connection is closed") }
            return result
        }
    }

    /// ``PostgresSession/execute(_:within:)``
    @discardableResult
    package func execute(_ sql: SQL, within limit: Duration? = nil) async throws -> Int {
        try await withSession { session in try session.execute(sql, within: limit) }
    }

    /// ``PostgresSession/query(_:within:)``
    package func query(_ sql: SQL, within limit: Duration? = nil) async throws -> Rows {
        try await withSession { session in try session.query(sql, within: limit) }
    }

    /// ``PostgresSession/pipeline(_:within:)``
    @discardableResult
    package func pipeline(_ statements: [SQL], within limit: Duration? = nil) async throws -> [Rows] {
        try await withSession { session in try session.pipeline(statements, within: limit) }
    }

    /// Ends what a borrower left open, so that the next one begins afresh; the connection is broken if that fails.
    func restore() {
        _ = session.mutate { session in
            session.rollBack()
            note(session)
        }
    }

    private func note(_ session: borrowing PostgresSession) {
        let noted = Condition(isBroken: session.isBroken, isClean: session.isClean)
        condition.withLock { $0 = noted }
    }

    /// Ties the session's interrupt to the task's cancellation while `body` runs.
    private func withInterrupt<Result: Sendable>(_ body: () throws -> Result) async throws -> Result {
        let ticket = interrupt.makeTicket()
        return try await withTaskCancellationHandler {
            interrupt.begin(ticket)
            // A task that was cancelled earlier has run the handler already, when there was nothing to stop.
            if Task.isCancelled { interrupt.trigger(ticket) }
            return try body()
        } onCancel: {
            interrupt.trigger(ticket)
        }
    }
}

extension Optional where Wrapped: ~Copyable {
    /// Changes the value in place, if there is one.
    fileprivate mutating func mutate<Result, Failure: Error>(
        _ body: (inout Wrapped) throws(Failure) -> Result,
    ) throws(Failure) -> Result? {
        guard var value = take() else { return nil }
        do throws(Failure) {
            let result = try body(&value)
            self = .some(value)
            return result
        } catch {
            self = .some(value)
            throw error
        }
    }
}
