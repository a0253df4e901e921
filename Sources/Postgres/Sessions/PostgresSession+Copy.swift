import CLibPQ

// MARK: - In

extension PostgresSession {
    /// Sends rows to a `COPY … FROM STDIN` and returns how many the server stored.
    ///
    /// Nothing is stored if `body` throws. What is wrong with a row the server says only at the end. The limit is for each
    /// wait, not for the whole.
    @discardableResult
    package mutating func copyIn(
        _ sql: SQL,
        within limit: Duration? = nil,
        _ body: (inout CopyWriter) throws -> Void,
    ) throws -> Int {
        let limit = limit ?? configuration.statementTimeout
        var wait = Wait(limit: limit)
        let exchange = Exchange([sql], in: transactionState)
        let isBinary = try startCopy(exchange, expecting: PGRES_COPY_IN, &wait)
        var writer = CopyWriter(consume self, isBinary: isBinary, wait: wait, limit: limit)
        var failure: (any Error)?
        do {
            try body(&writer)
            try writer.end(failing: false)
        } catch {
            failure = error
            // If this fails too the connection is lost, which reading the answer shows.
            try? writer.end(failing: true)
        }
        wait = writer.currentWait
        self = writer.finish()
        wait.restart(limit: limit)
        let answer = finishCopy(exchange, &wait)
        if let failure {
            // Whether the rows were stored is open only if the connection is lost, which counts for more.
            if case .failure(let lost) = answer, lost.isConnectionLoss { throw lost }
            throw failure
        }
        return try answer.get()
    }
}

// MARK: - Out

extension PostgresSession {
    /// Lends the pieces of a `COPY … TO STDOUT`, a row each, as they come, and returns how many rows there were.
    ///
    /// If `body` throws, the server is told to stop. The limit is for each wait, not for the whole.
    @discardableResult
    package mutating func copyOut(
        _ sql: SQL,
        within limit: Duration? = nil,
        _ body: (Span<UInt8>) throws -> Void,
    ) throws -> Int {
        let limit = limit ?? configuration.statementTimeout
        var wait = Wait(limit: limit)
        let exchange = Exchange([sql], in: transactionState)
        _ = try startCopy(exchange, expecting: PGRES_COPY_OUT, &wait)
        var failure: (any Error)?
        while !isBroken {
            let length: Int32
            do {
                length = failure == nil ? try handle.takeCopy(body) : handle.takeCopy { _ in }
            } catch {
                failure = error
                cancel(.cancelled, &wait)
                continue
            }
            if length < 0 { break }
            cancelIfInterrupted(&wait)
            guard length == 0 else { continue }
            wait.restart(limit: limit)
            try waitForServer(&wait)
            if !handle.consumeInput() { giveUp() }
        }
        let answer = finishCopy(exchange, &wait)
        if let failure { throw failure }
        return try answer.get()
    }
}

extension PostgresSession {
    /// Lends the rows of a query as a binary COPY has them, one after another, and returns how many there were.
    ///
    /// A row is the number of its columns in two bytes, and for each of them its length in four and its binary form, all in
    /// network order; the length -1 is NULL. The limit is for each wait, not for the whole.
    ///
    /// - Parameter query: Without values that are bound, which COPY does not take.
    @discardableResult
    package mutating func copyRows(
        of query: SQL,
        within limit: Duration? = nil,
        _ body: ([UInt8]) throws -> Void,
    ) throws -> Int {
        var isBegun = false
        return try copyOut("COPY (\(query)) TO STDOUT (FORMAT binary)", within: limit) { piece in
            var bytes = unsafe piece.withUnsafeBytes { unsafe [UInt8]($0) }
            // The header comes with the first row, or with the trailer where there is none.
            if !isBegun {
                isBegun = true
                guard bytes.count >= CopyWriter.binaryHeader.count else {
                    throw PostgresError(.decoding, "a COPY without its header")
                }
                bytes.removeFirst(CopyWriter.binaryHeader.count)
            }
            if !bytes.isEmpty, bytes != CopyWriter.binaryTrailer { try body(bytes) }
        }
    }
}

// MARK: - Both

extension PostgresSession {
    /// Returns whether the data are binary; throws if the statement fails or is no COPY in this direction.
    private mutating func startCopy(
        _ exchange: Exchange,
        expecting status: ExecStatusType,
        _ wait: inout Wait,
    ) throws(PostgresError) -> Bool {
        try checkUsable(wait)
        let sql = exchange.statements[0]
        guard !sql.text.utf8.contains(0), sql.parameters.count == 0 else {
            throw PostgresError(.misuse, "COPY takes no parameters, and no NUL")
        }
        guard handle.sendOnce(sql.text, sql.parameters) else { throw lostConnection() }
        try flush(&wait)
        guard let result = try nextResult(&wait) else { throw lostConnection() }
        if result.status == status { return result.isBinaryCopy }
        switch result.status {
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            giveUp()
            throw PostgresError(.misuse, "COPY in the other direction")
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            _ = finishCopy(exchange, &wait)
            throw PostgresError(.misuse, "not a COPY, but it was run")
        default:
            let failure = PostgresError(result, of: nil).afterCancelling(wait.cancellation)
            _ = finishCopy(exchange, &wait)
            throw exchange.complete(failure, at: 0)
        }
    }

    /// Reads the answer to the end, so that the session is ready for more.
    private mutating func finishCopy(_ exchange: Exchange, _ wait: inout Wait) -> Result<Int, PostgresError> {
        var failure: PostgresError?
        var count = 0
        do throws(PostgresError) {
            while let result = try nextResult(&wait) {
                switch result.status {
                case PGRES_COMMAND_OK:
                    count = result.affectedRowCount
                case PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                    continue
                case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                    // Still copying: the end could not be sent, or the data could not be read.
                    throw lostConnection()
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
        guard let failure else { return .success(count) }
        var complete = exchange.complete(failure, at: 0)
        complete.statementIndex = nil
        return .failure(complete)
    }
}
