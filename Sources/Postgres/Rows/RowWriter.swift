/// Writes the columns of one row of a ``RowBatch``, in the table's order.
///
/// Values are checked against the column's type; the first that does not fit is remembered and fails the row, so that the
/// caller need not `try` each of them.
package struct RowWriter: Sendable {
    var buffer = PostgresBuffer()

    private let columns: [CompositeType.Column]
    private let slots: [Slot]
    private var index = 0
    private var problem: String?

    init(columns: [CompositeType.Column]) {
        self.columns = columns
        slots = columns.map(Slot.init)
    }

    /// What of a column every value asks for.
    private struct Slot {
        let type: UInt32
        let baseType: PostgresType
        let takesText: Bool

        init(_ column: CompositeType.Column) {
            type = column.type.rawValue
            baseType = column.baseType
            takesText = column.takesText
        }
    }

    // MARK: - Rows

    mutating func begin() -> Int {
        index = 0
        problem = nil
        let start = buffer.count
        buffer.append(Int32(0))
        buffer.append(Int32(truncatingIfNeeded: columns.count))
        return start
    }

    /// Says what is wrong with the row, if anything, and takes it back then.
    mutating func finish(from start: Int) -> String? {
        if problem == nil, index < columns.count {
            problem = "no value for column \"\(columns[index].name)\""
        }
        if problem == nil, buffer.count > Self.largestBatch {
            problem = "more than 1 GiB in one batch"
        }
        guard problem == nil else {
            buffer.truncate(to: start)
            return problem
        }
        buffer.overwrite(Int32(truncatingIfNeeded: buffer.count - start - 4), at: start)
        return nil
    }

    /// Stands before the text in jsonb's binary form.
    private static let jsonbVersion: UInt8 = 1

    /// What the server takes as one value.
    private static let largestBatch = 0x3fff_ffff

    // MARK: - Columns

    /// Any value whose type is the column's.
    package mutating func append<Value: PostgresEncodable>(_ value: Value) {
        guard let column = next(taking: Value.postgresType) else { return }
        buffer.append(column.type)
        guard column.baseType == .jsonb, !value.isNull else {
            buffer.appendField(value)
            return
        }
        let start = buffer.count
        buffer.append(Int32(0))
        buffer.append(Self.jsonbVersion)
        value.encode(into: &buffer)
        buffer.overwrite(Int32(truncatingIfNeeded: buffer.count - start - 4), at: start)
    }

    // What rows are mostly made of is written without the detour over a protocol, which other modules cannot specialise.

    /// `bigint`
    package mutating func append(_ value: Int64) {
        append(number: value, .int8)
    }

    /// `bigint` or NULL
    package mutating func append(_ value: Int64?) {
        if let value { append(value) } else { appendNull() }
    }

    /// `integer`
    package mutating func append(_ value: Int32) {
        append(number: value, .int4)
    }

    /// `integer` or NULL
    package mutating func append(_ value: Int32?) {
        if let value { append(value) } else { appendNull() }
    }

    private mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(number: Number, _ type: PostgresType) {
        guard let column = next(taking: type) else { return }
        buffer.reserve(8 + MemoryLayout<Number>.size)
        buffer.append(column.type)
        buffer.append(Int32(truncatingIfNeeded: MemoryLayout<Number>.size))
        buffer.append(number)
    }

    /// `text` and its like, `json`, `jsonb`, an enumeration's label.
    package mutating func append(_ value: String) {
        guard let column = next(taking: .text) else { return }
        var value = value
        value.withUTF8 { text in
            unsafe append(UnsafeRawBufferPointer(text), to: column)
        }
    }

    /// `text` and its like, or NULL
    package mutating func append(_ value: String?) {
        if let value { append(value) } else { appendNull() }
    }

    /// `bytea`
    package mutating func append(_ value: [UInt8]) {
        append(value.span)
    }

    /// `bytea` or NULL
    package mutating func append(_ value: [UInt8]?) {
        if let value { append(value) } else { appendNull() }
    }

    /// `boolean`
    package mutating func append(_ value: Bool) {
        append(number: value ? 1 as UInt8 : 0, .bool)
    }

    /// `boolean` or NULL
    package mutating func append(_ value: Bool?) {
        if let value { append(value) } else { appendNull() }
    }

    /// `bytea`, lent.
    package mutating func append(_ value: Span<UInt8>) {
        guard let column = next(taking: .bytea) else { return }
        unsafe value.withUnsafeBytes { bytes in
            unsafe append(bytes, to: column)
        }
    }

    /// The binary form of a value of this type, lent.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, as type: PostgresType) {
        guard let column = next(taking: type) else { return }
        unsafe append(bytes, to: column)
    }

    /// SQL's NULL, in a column of any type.
    package mutating func appendNull() {
        guard let column = next(taking: nil) else { return }
        buffer.reserve(8)
        buffer.append(column.type)
        buffer.append(Int32(-1))
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer, to column: Slot) {
        let prefix = column.baseType == .jsonb ? 1 : 0
        buffer.reserve(8 + prefix + bytes.count)
        buffer.append(column.type)
        buffer.append(Int32(truncatingIfNeeded: bytes.count + prefix))
        if prefix == 1 { buffer.append(Self.jsonbVersion) }
        unsafe buffer.append(raw: bytes)
    }

    /// The column that comes next; nil, and a problem, if there is none or it holds another type.
    private mutating func next(taking type: PostgresType?) -> Slot? {
        guard problem == nil else { return nil }
        guard index < slots.count else {
            problem = "more than \(columns.count) values"
            return nil
        }
        let slot = slots[index]
        if let type, type != slot.baseType, !(type == .text && slot.takesText) {
            problem = "column \"\(columns[index].name)\" is \(slot.baseType), the value is \(type)"
            return nil
        }
        index += 1
        return slot
    }
}

extension CompositeType.Column {
    var takesText: Bool {
        baseType.isTextual || baseType == .jsonb || isEnumeration
    }
}
