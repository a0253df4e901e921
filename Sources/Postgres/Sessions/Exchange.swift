import CLibPQ

/// Statements that were sent together, and what is to be heard of each.
struct Exchange {
    /// What the server answers, in order.
    enum Step {
        case deallocate
        case prepare(index: Int, StatementCache.Key)
        case execute(index: Int)
        case sync
    }

    let statements: [SQL]
    var steps: [Step] = []

    /// Whether what was sent can commit anything, so that its fate is open when the connection is lost.
    let mayCommit: Bool

    init(_ statements: [SQL], in state: PostgresSession.TransactionState) {
        self.statements = statements
        let endsTransaction = statements.contains(where: \.mayEndTransaction)
        let staysOpen = state != .idle || statements.first?.opensTransaction == true
        mayCommit = endsTransaction || !staysOpen
    }

    /// Says of an error that ends the exchange which statement it belongs to, and whether anything may have been committed.
    func complete(_ error: PostgresError, at index: Int?) -> PostgresError {
        var error = error
        if let index {
            error.statementIndex = index
            error.statement = statements[index].text
        } else if statements.count == 1 {
            error.statement = statements[0].text
        }
        let committedBefore = statements.prefix(index ?? 0).contains(where: \.mayEndTransaction)
        let isAnswered = error.report.map { !$0.isFatal } ?? false
        error.outcome = committedBefore || (mayCommit && !isAnswered) ? .unknown : .notApplied
        return error
    }
}

// MARK: - Sending

extension PostgresSession {
    /// Sends statements with one synchronisation point at the end: the first that fails stops the others.
    mutating func send(_ batch: [SQL], _ wait: inout Wait) throws(PostgresError) -> Exchange {
        try checkUsable(wait)
        for (index, sql) in batch.enumerated() {
            if let problem = sql.problem {
                var error = PostgresError(.misuse, problem)
                error.statementIndex = index
                throw error
            }
        }
        var exchange = Exchange(batch, in: transactionState)
        let isIdle = transactionState == .idle
        var isSent = handle.enterPipeline()
        if isIdle {
            // Apart from the caller's statements, as one that fails must not stop those.
            let names = statements.takeDiscarded()
            for name in names {
                isSent = isSent && handle.sendOnce("DEALLOCATE \(name)", PostgresParameters())
                exchange.steps.append(.deallocate)
            }
            if !names.isEmpty {
                isSent = isSent && handle.sendSync()
                exchange.steps.append(.sync)
            }
        }
        for (index, sql) in batch.enumerated() where isSent {
            isSent = send(sql, index, &exchange)
        }
        isSent = isSent && handle.sendSync()
        exchange.steps.append(.sync)
        // Nothing can have been committed: without the synchronisation point the server takes nothing for final.
        guard isSent else { throw lostConnection() }
        do throws(PostgresError) {
            try flush(&wait)
        } catch {
            throw exchange.complete(error, at: nil)
        }
        return exchange
    }

    private mutating func send(_ sql: SQL, _ index: Int, _ exchange: inout Exchange) -> Bool {
        let key = StatementCache.Key(text: sql.text, types: sql.parameters.types)
        exchange.steps.append(.execute(index: index))
        switch sql.isPreparable ? statements.plan(for: key) : .unnamed {
        case .unnamed:
            return handle.sendOnce(sql.text, sql.parameters)
        case .prepared(let name):
            return handle.sendPrepared(name, sql.parameters)
        case .prepare(let name):
            exchange.steps.insert(.prepare(index: index, key), at: exchange.steps.count - 1)
            return handle.sendPrepare(name, sql.text, sql.parameters.types) && handle.sendPrepared(name, sql.parameters)
        }
    }

    /// Before anything is sent: afterwards an error could leave open what the server has done.
    mutating func checkUsable(_ wait: Wait) throws(PostgresError) {
        guard !isBroken else { throw PostgresError(.connection, "the connection is lost") }
        guard unreadPipeline == nil else {
            giveUp()
            throw PostgresError(.misuse, "the answers to a pipeline were not read")
        }
        if !wait.ignoresInterrupt, interrupt.isTriggered {
            throw PostgresError(.cancelled, "cancelled before the statement was sent")
        }
        guard wait.remaining > .zero else {
            throw PostgresError(.deadline, "the time was up before the statement was sent")
        }
        // A server that closed the connection has said so by now. A few turns suffice, a flood of notices is let be.
        for _ in 0..<8 {
            guard Readiness.hasInput(handle.socket) else { return }
            guard handle.consumeInput() else { throw lostConnection() }
        }
    }
}

extension SQL {
    fileprivate var problem: String? {
        if text.utf8.contains(0) { return "a NUL in the text of a statement" }
        if parameters.count > 65535 { return "more than 65535 parameters" }
        if parameters.largestByteCount >= 0x4000_0000 { return "a parameter of 1 GiB or more" }
        return nil
    }
}

// MARK: - Receiving

extension PostgresSession {
    /// Reads all answers; throws the first error, after which the session is ready for more unless it is broken.
    mutating func receive(_ exchange: inout Exchange, _ wait: inout Wait) throws(PostgresError) -> [Rows] {
        var answers: [Rows] = []
        answers.reserveCapacity(exchange.statements.count)
        var failure: PostgresError?
        for step in exchange.steps {
            do throws(PostgresError) {
                try receive(step, of: exchange, &answers, &failure, &wait)
            } catch {
                giveUp()
                throw failure ?? exchange.complete(error, at: nil)
            }
        }
        if !handle.exitPipeline() { giveUp() }
        settle(wait)
        guard let failure else { return answers }
        learn(from: failure)
        throw failure
    }

    /// Throws only when there is no use in reading on.
    private mutating func receive(
        _ step: Exchange.Step,
        of exchange: Exchange,
        _ answers: inout [Rows],
        _ failure: inout PostgresError?,
        _ wait: inout Wait,
    ) throws(PostgresError) {
        guard let result = try nextResult(&wait) else { throw lostConnection() }
        if case .sync = step {
            guard result.status == PGRES_PIPELINE_SYNC else { throw PostgresError(result, of: nil) }
            return
        }
        var index: Int?
        if case .execute(let place) = step { index = place }
        if case .prepare(let place, let key) = step {
            index = place
            if result.status != PGRES_COMMAND_OK { statements.forget(key) }
        }
        switch result.status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            if case .execute = step { answers.append(Rows(result)) }
        case PGRES_PIPELINE_ABORTED:
            break
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            throw PostgresError(.misuse, "COPY is run by copyIn or copyOut")
        default:
            let error = PostgresError(result, of: index.map { exchange.statements[$0] })
                .afterCancelling(wait.cancellation)
            // A failed DEALLOCATE means that the server has forgotten the statement, which was the aim.
            if let index, failure == nil { failure = exchange.complete(error, at: index) }
            if error.isConnectionLoss { throw error }
        }
        // Each statement's results end with a nil.
        guard try nextResult(&wait) == nil else { throw PostgresError(.connection, "an answer too many") }
    }

    /// What a failure says about what the session remembers of the server.
    mutating func learn(from error: PostgresError) {
        if error.report?.isStalePlan == true { statements.discardAll() }
        if error.code == .invalidStatementName { statements.forgetAll() }
        switch error.code {
        case SQLState.datatypeMismatch, .invalidBinaryRepresentation, .featureNotSupported:
            compositeTypes = [:]
        default:
            break
        }
    }
}

extension PostgresError {
    /// The server's "cancelled", told as what led to it.
    func afterCancelling(_ reason: Kind?) -> PostgresError {
        guard let reason, code == .queryCanceled else { return self }
        let message = reason == .deadline ? "the statement took too long" : "the statement was cancelled"
        return PostgresError(reason, message, report: report, outcome: outcome)
    }
}
