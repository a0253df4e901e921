/// A value that can be bound to a statement, in PostgreSQL's binary form.
///
/// A type of one's own gives `postgresType` and ``encode(into:)``. A `RawRepresentable` type whose raw value is encodable
/// need only state the conformance.
package protocol PostgresEncodable: PostgresValue, PostgresEncodableElement {
    /// Writes the value without a length before it. Not called when ``isNull`` is true.
    func encode(into buffer: inout PostgresBuffer)

    /// True for SQL's NULL; false by default.
    var isNull: Bool { get }

    /// Adds the value to a statement's parameters; only values whose type is known late replace the default.
    func bind(to parameters: inout PostgresParameters)
}

extension PostgresEncodable {
    package var isNull: Bool { false }

    package func bind(to parameters: inout PostgresParameters) {
        parameters.append(self)
    }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    package func encode(into buffer: inout PostgresBuffer) {
        rawValue.encode(into: &buffer)
    }
}

/// What an array that is bound may hold.
package protocol PostgresEncodableElement: PostgresArrayElement {
    /// Writes the array, or for bytes the one value that they make.
    static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer)
}

extension PostgresEncodable {
    package static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) {
        // Dimensions, whether NULLs occur, element type; then, unless empty, length and lower bound.
        buffer.append(Int32(elements.isEmpty ? 0 : 1))
        let flag = buffer.count
        buffer.append(Int32(0))
        buffer.append(postgresType.rawValue)
        guard !elements.isEmpty else { return }
        buffer.append(Int32(truncatingIfNeeded: elements.count))
        buffer.append(Int32(1))
        for element in elements where !buffer.appendField(element) {
            buffer.overwrite(1, at: flag)
        }
    }
}

// MARK: - Arrays and optionals

extension UInt8: PostgresEncodableElement {
    package static func encodeArray(_ elements: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(bytes: elements)
    }
}

extension Array: PostgresEncodableElement where Element: PostgresEncodableElement {}

extension Array: PostgresEncodable where Element: PostgresEncodableElement {
    package func encode(into buffer: inout PostgresBuffer) {
        Element.encodeArray(self, into: &buffer)
    }
}

extension Optional: PostgresEncodableElement where Wrapped: PostgresEncodable {}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package var isNull: Bool {
        self?.isNull ?? true
    }

    package func encode(into buffer: inout PostgresBuffer) {
        self?.encode(into: &buffer)
    }
}
