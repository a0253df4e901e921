extension PostgresSession {
    /// Reads the result of a SELECT, of any size, holding no more than two pieces of `fetchSize` rows at a time.
    ///
    /// Through a cursor, in a transaction of its own unless one is open; while `body` works on one piece the server makes
    /// the next. If `body` throws, its error is thrown and a transaction of our own rolled back. The limit is for each piece.
    package mutating func forEachRow(
        _ sql: SQL,
        fetchSize: Int = 1000,
        within limit: Duration? = nil,
        _ body: (Row) throws -> Void,
    ) throws {
        precondition(fetchSize > 0, "a piece has rows")
        let ownsTransaction = transactionState == .idle
        var declare: SQL = "DECLARE shareledger_stream NO SCROLL CURSOR FOR \(sql)"
        var fetch = SQL(unescaped: "FETCH FORWARD \(fetchSize) FROM shareledger_stream")
        // Prepared, they would not fit the next stream's columns.
        declare.isPreparable = false
        fetch.isPreparable = false
        let opening: [SQL] = ownsTransaction ? ["BEGIN", declare, fetch] : [declare, fetch]
        do {
            var rows = try pipeline(opening, within: limit).last
            while let piece = rows {
                guard piece.count == fetchSize else {
                    try piece.forEach(body)
                    break
                }
                let next = try send(pipeline: [fetch], within: limit)
                do {
                    try piece.forEach(body)
                } catch {
                    // The piece is not wanted, nor what may be wrong with it; the session is ready or broken after it.
                    _ = try? receive(next, within: limit)
                    throw error
                }
                rows = try receive(next, within: limit).first
            }
            try pipeline(["CLOSE shareledger_stream"] + (ownsTransaction ? ["COMMIT"] : []), within: limit)
        } catch {
            if ownsTransaction {
                rollBack()
            } else if transactionState == .open {
                // What went wrong first matters; a transaction that this fails is the caller's to roll back.
                _ = try? execute("CLOSE shareledger_stream", within: limit)
            }
            guard var error = error as? PostgresError else { throw error }
            error.statementIndex = nil
            throw error
        }
    }
}
