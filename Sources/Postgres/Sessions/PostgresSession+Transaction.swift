/// How a transaction sees others, and whether it may write.
package struct TransactionMode: Sendable, Hashable {
    let begin: SQL

    /// Each statement sees what was committed before it began.
    package static let readCommitted = TransactionMode("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    /// All statements see the same, and cannot write.
    package static let snapshot = TransactionMode("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    /// All statements see the same, and may write.
    package static let repeatableRead = TransactionMode("BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE")
    /// As if transactions ran one after another; fails with ``SQLState/serializationFailure`` where that is not so.
    package static let serializable = TransactionMode("BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE")

    private init(_ text: StaticString) {
        begin = SQL(unescaped: text.description)
    }

    package static func == (lhs: TransactionMode, rhs: TransactionMode) -> Bool {
        lhs.begin.text == rhs.begin.text
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(begin.text)
    }
}

extension PostgresSession {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// The limit is for BEGIN and for COMMIT; the statements between have their own. If the connection dies while COMMIT is
    /// outstanding, ``PostgresError/outcome`` of what is thrown is `unknown`; if the server refuses the COMMIT, or `body`
    /// fails, nothing was applied. A rollback is done even if the task is cancelled.
    package mutating func transaction<Result>(
        _ mode: TransactionMode = .readCommitted,
        within limit: Duration? = nil,
        _ body: (inout PostgresSession) throws -> Result,
    ) throws -> Result {
        guard transactionState == .idle || isBroken else {
            throw PostgresError(.misuse, "a transaction is already open")
        }
        try execute(mode.begin, within: limit)
        let result: Result
        do {
            result = try body(&self)
        } catch {
            rollBack()
            throw error
        }
        try commit(within: limit)
        return result
    }

    private mutating func commit(within limit: Duration?) throws(PostgresError) {
        do throws(PostgresError) {
            guard transactionState == .open || transactionState == .failed else {
                throw PostgresError(.misuse, "the transaction was ended within its own body")
            }
            let answer = try query("COMMIT", within: limit)
            // COMMIT of a transaction in which a statement failed succeeds, as a rollback.
            guard answer.commandTag == "COMMIT" else {
                throw PostgresError(.misuse, "a statement failed, its error was dropped, and COMMIT rolled back")
            }
        } catch {
            rollBack()
            throw error
        }
    }

    /// Ends an open transaction in any case, by giving the connection up if need be.
    mutating func rollBack() {
        guard !isBroken else { return }
        guard unreadPipeline == nil else { return giveUp() }
        guard transactionState != .idle else { return }
        do throws(PostgresError) {
            var wait = Wait(limit: configuration.cancelGrace, ignoresInterrupt: true)
            var exchange = try send(["ROLLBACK"], &wait)
            _ = try receive(&exchange, &wait)
        } catch {
            // A session that cannot roll back has no other use; closing it makes the server roll back.
            giveUp()
        }
    }
}
