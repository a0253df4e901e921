/// One row of an answer.
package struct Row: Sendable {
    private let rows: Rows
    private let index: Int

    init(rows: Rows, index: Int) {
        self.rows = rows
        self.index = index
    }

    /// All columns at once: `row.decode((Int64, String?, [UInt8]).self)`.
    ///
    /// Throws ``PostgresError`` of kind `decoding`, also if the number of columns is another.
    package func decode<each Column: PostgresDecodable>(
        _ type: (repeat each Column).Type
    ) throws(PostgresError) -> (repeat each Column) {
        var expected = 0
        for _ in repeat (each Column).self {
            expected += 1
        }
        guard expected == rows.columnCount else {
            throw PostgresError(.decoding, "expected \(expected) columns, got \(rows.columnCount)")
        }
        var column = 0
        return (repeat try next(&column, (each Column).self))
    }

    private func next<Value: PostgresDecodable>(
        _ column: inout Int,
        _ type: Value.Type,
    ) throws(PostgresError) -> Value {
        defer { column += 1 }
        return try self.decode(column: column, as: type)
    }

    /// One column by its place, from 0.
    ///
    /// Throws ``PostgresError`` of kind `decoding`, which names the column, what was expected and what came.
    package func decode<Value: PostgresDecodable>(
        column: Int,
        as type: Value.Type = Value.self,
    ) throws(PostgresError) -> Value {
        guard column >= 0, column < rows.columnCount else {
            throw PostgresError(.decoding, "no column \(column), there are \(rows.columnCount)")
        }
        let columnType = rows.columnType(column)
        do throws(PostgresDecodingFailure) {
            guard Value.canDecode(columnType) else { throw .wrongType }
            guard !rows.isNull(row: index, column: column) else { return try Value.decodeNull() }
            return try rows.withField(row: index, column: column) { (bytes) throws(PostgresDecodingFailure) in
                try Value(postgresBytes: bytes, type: columnType)
            }
        } catch {
            throw PostgresError(.decoding, describe(error, of: column, expected: Value.self))
        }
    }

    /// One column by its name; throws as ``decode(column:as:)`` does.
    package func decode<Value: PostgresDecodable>(
        column name: String,
        as type: Value.Type = Value.self,
    ) throws(PostgresError) -> Value {
        guard let column = rows.column(named: name) else {
            throw PostgresError(.decoding, "no column \"\(name)\", there are \(rows.columnNames)")
        }
        return try decode(column: column, as: type)
    }

    /// ``decode(column:as:)`` as a subscript: `try row[0, as: Int64.self]`.
    package subscript<Value: PostgresDecodable>(column: Int, as type: Value.Type) -> Value {
        get throws(PostgresError) {
            try decode(column: column, as: type)
        }
    }

    // The same of the most frequent types, for other modules, which cannot specialise what is generic.

    package subscript(column: Int, as type: Int64.Type) -> Int64 {
        get throws(PostgresError) { try decode(column: column, as: type) }
    }

    package subscript(column: Int, as type: Int32.Type) -> Int32 {
        get throws(PostgresError) { try decode(column: column, as: type) }
    }

    package subscript(column: Int, as type: Bool.Type) -> Bool {
        get throws(PostgresError) { try decode(column: column, as: type) }
    }

    package subscript(column: Int, as type: String.Type) -> String {
        get throws(PostgresError) { try decode(column: column, as: type) }
    }

    package subscript(column: Int, as type: [UInt8].Type) -> [UInt8] {
        get throws(PostgresError) { try decode(column: column, as: type) }
    }

    /// ``decode(column:as:)`` as a subscript: `try row["id", as: Int64.self]`.
    package subscript<Value: PostgresDecodable>(column: String, as type: Value.Type) -> Value {
        get throws(PostgresError) {
            try decode(column: column, as: type)
        }
    }
}

// MARK: - Bytes

extension Row {
    /// Whether a column, from 0, is NULL.
    package func isNull(_ column: Int) -> Bool {
        precondition(column >= 0 && column < rows.columnCount, "column \(column) of \(rows.columnCount)")
        return rows.isNull(row: index, column: column)
    }

    /// Lends a column's bytes as they came, without a copy; empty for NULL, which ``isNull(_:)`` tells.
    ///
    /// For `bytea` and text these are the value itself.
    package func withBytes<Result, Failure: Error>(
        of column: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Result,
    ) throws(Failure) -> Result {
        precondition(column >= 0 && column < rows.columnCount, "column \(column) of \(rows.columnCount)")
        return try rows.withField(row: index, column: column, body)
    }

    private func describe(
        _ failure: PostgresDecodingFailure,
        of column: Int,
        expected: (some PostgresDecodable).Type,
    ) -> String {
        let name = "column \(column) \"\(rows.columnName(column))\""
        let type = rows.columnType(column)
        return switch failure {
        case .unexpectedNull: "\(name): expected \(expected) from \(type), got NULL"
        case .wrongType: "\(name): expected \(expected) from \(expected.postgresType), got \(type)"
        case .malformed(let reason): "\(name): expected \(expected) from \(type), got \(reason)"
        }
    }
}
