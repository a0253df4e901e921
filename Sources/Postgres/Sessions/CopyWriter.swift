/// Sends the rows of a `COPY … FROM STDIN`, holding no more than a piece of them in memory.
///
/// Has the session while it does so and gives it back at the end.
@safe package struct CopyWriter: ~Copyable {
    private var session: PostgresSession
    private var wait: Wait
    private let limit: Duration
    private var buffer = PostgresBuffer()

    /// Whether the statement said `(FORMAT binary)`.
    package let isBinary: Bool

    // Few calls, and little memory.
    private static let pieceByteCount = 65536

    init(_ session: consuming PostgresSession, isBinary: Bool, wait: Wait, limit: Duration) {
        self.session = session
        self.isBinary = isBinary
        self.wait = wait
        self.limit = limit
        if isBinary { buffer.append(bytes: Self.binaryHeader) }
    }

    /// The signature, no flags, no extension.
    static let binaryHeader: [UInt8] = Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0] + [0, 0, 0, 0, 0, 0, 0, 0]

    /// Stands in the place of a row's number of columns, after the last one.
    static let binaryTrailer: [UInt8] = [0xff, 0xff]

    /// Hands the session back, and what was sent with it.
    consuming func finish() -> PostgresSession {
        session
    }
}

// MARK: - Writing

extension CopyWriter {
    /// Rows of a binary COPY; those of several batches may follow one another.
    ///
    /// Throws ``PostgresError``, of kind `misuse` if the statement does not say `(FORMAT binary)`.
    package mutating func write(_ batch: borrowing RowBatch) throws(PostgresError) {
        guard isBinary else { throw PostgresError(.misuse, "rows in binary form for a COPY of text") }
        batch.encodeCopyRows(into: &buffer)
        try sendPieces()
    }

    /// One row of a text COPY with the default delimiter, nil being NULL.
    package mutating func write(row: [String?]) throws(PostgresError) {
        guard !isBinary else { throw PostgresError(.misuse, "a row of text for a binary COPY") }
        let line = row.map { $0.map(Self.escaped) ?? "\\N" }.joined(separator: "\t")
        buffer.append(utf8: line + "\n")
        try sendPieces()
    }

    /// Bytes as COPY reads them; in a binary one whole rows, to which header and trailer are added.
    package mutating func write(_ bytes: [UInt8]) throws(PostgresError) {
        buffer.append(bytes: bytes)
        try sendPieces()
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\t": escaped += "\\t"
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    // MARK: - Sending

    private mutating func sendPieces() throws(PostgresError) {
        guard buffer.count >= Self.pieceByteCount else { return }
        try sendBuffer()
    }

    private mutating func sendBuffer() throws(PostgresError) {
        wait.restart(limit: limit)
        session.cancelIfInterrupted(&wait)
        // More than 1 GiB at once is more than libpq's lengths hold.
        var offset = 0
        while offset < buffer.count, wait.cancellation == nil {
            let end = min(buffer.count, offset + 1 << 24)
            let isPut = unsafe buffer.withUnsafeBytes { bytes in
                unsafe session.handle.putCopy(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
            }
            guard isPut else { throw session.lostConnection() }
            try session.flush(&wait)
            offset = end
        }
        buffer.truncate(to: 0)
        if let reason = wait.cancellation {
            throw PostgresError(reason, reason == .deadline ? "COPY took too long" : "COPY was cancelled")
        }
        guard !session.isBroken else { throw session.lostConnection() }
    }

    /// Sends what is left and ends the COPY, or makes the server drop it; the answer is still to be read.
    mutating func end(failing: Bool) throws(PostgresError) {
        guard !session.isBroken else { throw session.lostConnection() }
        if !failing {
            if isBinary { buffer.append(Int16(-1)) }
            try sendBuffer()
        }
        let reason = failing ? "the sender gave up" : nil
        guard session.handle.endCopy(failing: reason) else { throw session.lostConnection() }
        try session.flush(&wait)
    }

    /// What is left of the time, and whether the COPY was cancelled.
    var currentWait: Wait { wait }
}
