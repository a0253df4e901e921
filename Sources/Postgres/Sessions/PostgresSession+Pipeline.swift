import CLibPQ

/// A pipeline that is on its way, whose answers must be read by the session that sent it.
package struct PendingPipeline: ~Copyable {
    fileprivate var exchange: Exchange
    fileprivate let number: UInt64
    /// Numbers are unique within a session only; its canceller is its identity.
    fileprivate let session: ObjectIdentifier
}

extension PostgresSession {
    /// Sends statements as ``pipeline(_:within:)`` does and returns without waiting for the answers.
    ///
    /// For work to do while the server does its own. The session takes nothing else until ``receive(_:within:)``; one whose
    /// answers are never read is broken.
    package mutating func send(
        pipeline statements: [SQL],
        within limit: Duration? = nil,
    ) throws(PostgresError) -> PendingPipeline {
        var wait = Wait(limit: limit ?? configuration.statementTimeout)
        let exchange = try send(statements, &wait)
        settle(wait)
        pipelineCount += 1
        unreadPipeline = pipelineCount
        return PendingPipeline(exchange: exchange, number: pipelineCount, session: ObjectIdentifier(canceller))
    }

    /// Waits for the answers to what ``send(pipeline:within:)`` sent.
    package mutating func receive(
        _ pending: consuming PendingPipeline,
        within limit: Duration? = nil,
    ) throws(PostgresError) -> [Rows] {
        guard unreadPipeline == pending.number, pending.session == ObjectIdentifier(canceller) else {
            throw PostgresError(.misuse, "the answers to this pipeline are not to be had from this session")
        }
        unreadPipeline = nil
        var wait = Wait(limit: limit ?? configuration.statementTimeout)
        return try receive(&pending.exchange, &wait)
    }
}

// MARK: - Scripts

extension PostgresSession {
    /// Runs several statements in one text, without parameters and without looking at their rows: for migrations.
    ///
    /// They are one transaction unless the text says otherwise. The text must be the program's own.
    package mutating func run(script text: String, within limit: Duration? = nil) throws(PostgresError) {
        var wait = Wait(limit: limit ?? configuration.statementTimeout)
        try checkUsable(wait)
        guard !text.utf8.contains(0) else { throw PostgresError(.misuse, "a NUL in the text of a script") }
        let isOpen = transactionState != .idle
        guard handle.sendScript(text) else { throw lostConnection() }
        var failure: PostgresError?
        do throws(PostgresError) {
            try flush(&wait)
            while let result = try nextResult(&wait) {
                switch result.status {
                case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                    continue
                case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                    throw PostgresError(.misuse, "COPY is run by copyIn or copyOut")
                default:
                    let error = PostgresError(result, of: nil).afterCancelling(wait.cancellation)
                    if failure == nil { failure = error }
                    if error.isConnectionLoss { throw error }
                }
            }
        } catch {
            giveUp()
            failure = failure ?? error
        }
        settle(wait)
        guard var failure else { return }
        let hasCommit = text.lowercased().contains("commit")
        let isAnswered = failure.report.map { !$0.isFatal } ?? false
        failure.outcome = hasCommit || (!isAnswered && !isOpen) ? .unknown : .notApplied
        failure.statement = text
        learn(from: failure)
        throw failure
    }
}
