/// The header fields of a request, in order of receipt and byte for byte.
///
/// All names and values lie back to back in one buffer, so that a request costs two allocations however many fields it
/// has. Names keep their case, repeated fields stay apart, and values are never decoded unless asked for.
package struct HTTPHeaders: Sendable {
    private var bytes: [UInt8] = []
    private var spans: [Span] = []

    /// No fields.
    package init() {}

    /// Fields given by name and value, for requests that are made rather than received.
    package init(_ fields: [(name: String, value: String)]) {
        for field in fields {
            append(name: field.name.utf8, value: field.value.utf8)
        }
    }

    /// Where one field lies: the value starts where the name ends.
    private struct Span {
        let start: Int32
        let nameEnd: Int32
        let end: Int32
    }
}

// MARK: - Looking up

extension HTTPHeaders {
    /// The value of the first field with this name in any case, as text; invalid UTF-8 is replaced.
    package func first(_ name: String) -> String? {
        firstBytes(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The exact value of the first field with this name in any case.
    package func firstBytes(_ name: String) -> ArraySlice<UInt8>? {
        for span in spans where matches(span, name) {
            return value(span)
        }
        return nil
    }

    /// The values of all fields with this name in any case, in order of receipt.
    package func all(_ name: String) -> [String] {
        spans.filter { matches($0, name) }.map { String(decoding: value($0), as: UTF8.self) }
    }

    private func value(_ span: Span) -> ArraySlice<UInt8> {
        bytes[Int(span.nameEnd)..<Int(span.end)]
    }

    /// Only ASCII letters are folded: a field name is a token, and nothing else has a case there.
    private func matches(_ span: Span, _ name: String) -> Bool {
        let name = name.utf8
        guard Int(span.nameEnd - span.start) == name.count else { return false }
        var index = Int(span.start)
        for byte in name {
            guard ASCII.lowercased(bytes[index]) == ASCII.lowercased(byte) else { return false }
            index += 1
        }
        return true
    }
}

// MARK: - Building

extension HTTPHeaders {
    mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        let start = Int32(bytes.count)
        bytes.append(contentsOf: name)
        let nameEnd = Int32(bytes.count)
        bytes.append(contentsOf: value)
        spans.append(Span(start: start, nameEnd: nameEnd, end: Int32(bytes.count)))
    }

    mutating func reserveCapacity(fields: Int, byteCount: Int) {
        bytes.reserveCapacity(byteCount)
        spans.reserveCapacity(fields)
    }
}

// MARK: - Iterating

extension HTTPHeaders: RandomAccessCollection {
    /// One field as received.
    package struct Field: Sendable {
        /// The exact bytes of the name, a token in the sender's case.
        package let nameBytes: ArraySlice<UInt8>
        /// The exact bytes of the value, without the white space before it.
        package let valueBytes: ArraySlice<UInt8>

        /// The name as text.
        package var name: String { String(decoding: nameBytes, as: UTF8.self) }
        /// The value as text; invalid UTF-8 is replaced.
        package var value: String { String(decoding: valueBytes, as: UTF8.self) }
    }

    /// Always 0.
    package var startIndex: Int { 0 }
    /// The number of fields.
    package var endIndex: Int { spans.count }

    /// The field received at this place.
    package subscript(position: Int) -> Field {
        let span = spans[position]
        return Field(nameBytes: bytes[Int(span.start)..<Int(span.nameEnd)], valueBytes: value(span))
    }
}
