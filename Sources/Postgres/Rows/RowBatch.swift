/// Rows in binary form, for one parameter of an INSERT or for a binary COPY.
///
/// ```swift
/// var batch = RowBatch(try session.compositeType("ledger.event"))
/// try batch.appendRow { row in
///     row.append(position)
///     row.append(hash)
///     row.appendNull()
/// }
/// try session.execute("INSERT INTO ledger.event SELECT e.* FROM unnest(\(batch)) AS e")
/// ```
/// One array of rows, not one array a column, so that columns may hold arrays themselves. All rows share one buffer, which
/// ``removeAll()`` keeps: a batch that is filled again allocates nothing.
package struct RowBatch: Sendable {
    /// The table whose rows these are.
    package let type: CompositeType

    /// How many rows it holds.
    package private(set) var count = 0

    private var writer: RowWriter

    // Dimensions, NULL flag, element type, length and lower bound of the array, four bytes each.
    private static let headerByteCount = 20

    /// An empty batch; ``PostgresSession/compositeType(_:)`` knows the type.
    package init(_ type: CompositeType) {
        self.type = type
        writer = RowWriter(columns: type.columns)
        writer.buffer.append(Int32(1))
        writer.buffer.append(Int32(0))
        writer.buffer.append(type.type.rawValue)
        writer.buffer.append(Int32(0))
        writer.buffer.append(Int32(1))
    }

    /// The size of all rows, for bounding a batch.
    package var byteCount: Int {
        writer.buffer.count - Self.headerByteCount
    }

    /// Adds the row that `body` writes, column by column in the table's order.
    ///
    /// Throws ``PostgresError`` of kind `misuse` if a value does not fit its column or a column is missing, and leaves the
    /// batch as it was then.
    package mutating func appendRow(_ body: (inout RowWriter) -> Void) throws(PostgresError) {
        let start = writer.begin()
        body(&writer)
        if let problem = writer.finish(from: start) {
            throw PostgresError(.misuse, "row \(count) for \(type.name): \(problem)")
        }
        count += 1
        writer.buffer.overwrite(Int32(truncatingIfNeeded: count), at: 12)
    }

    /// Empties the batch and keeps its memory.
    package mutating func removeAll() {
        writer.buffer.truncate(to: Self.headerByteCount)
        count = 0
    }
}

// MARK: - As a parameter

extension RowBatch: PostgresEncodable {
    /// Known only to the value: ``bind(to:)`` declares the array over the table's row type.
    package static var postgresType: PostgresType { .unspecified }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: array)
    }

    /// Binds all rows as one array. The statement shares the memory: drop it before the batch is filled again, or the
    /// batch is copied.
    package func bind(to parameters: inout PostgresParameters) {
        parameters.append(array, type: type.arrayType)
    }

    private var array: PostgresBuffer {
        guard count == 0 else { return writer.buffer }
        var empty = PostgresBuffer()
        empty.append(Int32(0))
        empty.append(Int32(0))
        empty.append(type.type.rawValue)
        return empty
    }
}

// MARK: - As COPY data

extension RowBatch {
    /// Writes the rows in COPY's binary form, which has a column's length and bytes and not its type.
    func encodeCopyRows(into copy: inout PostgresBuffer) {
        unsafe writer.buffer.withUnsafeBytes { bytes in
            func number(at offset: Int) -> Int {
                unsafe Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
            }
            var offset = Self.headerByteCount
            for _ in 0..<count {
                let columnCount = number(at: offset + 4)
                offset += 8
                copy.append(Int16(truncatingIfNeeded: columnCount))
                for _ in 0..<columnCount {
                    let length = 4 + max(0, number(at: offset + 4))
                    unsafe copy.append(raw: UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + 4 + length]))
                    offset += 4 + length
                }
            }
        }
    }
}
