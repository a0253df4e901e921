/// The answer to a statement: its rows, in binary form, and how many rows it affected.
///
/// A value that any thread may read; the memory is libpq's and is freed with the last copy.
package struct Rows: Sendable {
    private final class Storage: Sendable {
        let result: ResultHandle

        init(_ result: consuming ResultHandle) {
            self.result = result
        }
    }

    private let storage: Storage

    /// How many rows there are.
    package let count: Int

    init(_ result: consuming ResultHandle) {
        count = result.rowCount
        storage = Storage(result)
    }

    /// Rows inserted, updated, deleted, selected, moved or copied; 0 for other statements.
    package var affectedRowCount: Int {
        storage.result.affectedRowCount
    }

    /// What the server says it did, such as `INSERT 0 5`.
    package var commandTag: String {
        storage.result.commandTag
    }

    /// How many columns a row has.
    package var columnCount: Int {
        storage.result.columnCount
    }

    /// The columns' names, in order.
    package var columnNames: [String] {
        (0..<columnCount).map { columnName($0) }
    }

    /// The columns' types, in order.
    package var columnTypes: [PostgresType] {
        (0..<columnCount).map { columnType($0) }
    }

    /// The place of the first column of that name, nil if there is none.
    package func column(named name: String) -> Int? {
        storage.result.column(named: name)
    }
}

// MARK: - Rows

extension Rows: RandomAccessCollection {
    package var startIndex: Int { 0 }

    package var endIndex: Int { count }

    package subscript(position: Int) -> Row {
        precondition(position >= 0 && position < count, "row \(position) of \(count)")
        return Row(rows: self, index: position)
    }
}

extension Rows {
    /// All rows as tuples: `rows.decode((Int64, String?).self)`.
    ///
    /// Throws ``PostgresError`` of kind `decoding`, also if the number of columns is another.
    package func decode<each Column: PostgresDecodable>(
        _ type: (repeat each Column).Type
    ) throws(PostgresError) -> [(repeat each Column)] {
        var decoded: [(repeat each Column)] = []
        decoded.reserveCapacity(count)
        for row in self {
            decoded.append(try row.decode(type))
        }
        return decoded
    }

    /// The only row; throws ``PostgresError`` of kind `decoding` if there is none or more than one.
    package func onlyRow() throws(PostgresError) -> Row {
        guard count == 1 else { throw PostgresError(.decoding, "expected one row, got \(count)") }
        return self[0]
    }
}

// MARK: - Fields

extension Rows {
    func isNull(row: Int, column: Int) -> Bool {
        storage.result.isNull(row: row, column: column)
    }

    func withField<Result, Failure: Error>(
        row: Int,
        column: Int,
        _ body: (Span<UInt8>) throws(Failure) -> Result,
    ) throws(Failure) -> Result {
        try storage.result.withField(row: row, column: column, body)
    }

    func columnName(_ column: Int) -> String {
        storage.result.columnName(column)
    }

    func columnType(_ column: Int) -> PostgresType {
        storage.result.columnType(column)
    }
}
