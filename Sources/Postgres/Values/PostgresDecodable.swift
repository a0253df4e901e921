/// A value that can be read from a column, in PostgreSQL's binary form.
///
/// A type of one's own gives `postgresType` and the initialiser, and usually hands the bytes on to that of a built-in type.
/// A `RawRepresentable` type whose raw value is decodable need only state the conformance.
package protocol PostgresDecodable: PostgresValue, PostgresDecodableElement {
    /// Whether the binary form of a column's type can be read; `postgresType` alone by default.
    static func canDecode(_ type: PostgresType) -> Bool

    /// Reads a field that is not NULL and whose type ``canDecode(_:)`` admits.
    init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure)

    /// What stands for NULL; throws ``PostgresDecodingFailure/unexpectedNull`` by default.
    static func decodeNull() throws(PostgresDecodingFailure) -> Self
}

/// Why a field was not what it was read as; the row adds the column's name and type.
package enum PostgresDecodingFailure: Error, Hashable {
    /// NULL, where no optional was asked for.
    case unexpectedNull
    /// The column's type is another.
    case wrongType
    /// The bytes do not make a value; the text says why and quotes nothing of them.
    case malformed(String)
}

extension PostgresDecodable {
    package static func canDecode(_ type: PostgresType) -> Bool {
        type == postgresType
    }

    package static func decodeNull() throws(PostgresDecodingFailure) -> Self {
        throw .unexpectedNull
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    package static func canDecode(_ type: PostgresType) -> Bool {
        RawValue.canDecode(type)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        let raw = try RawValue(postgresBytes: bytes, type: type)
        guard let value = Self(rawValue: raw) else { throw .malformed("no value of \(Self.self)") }
        self = value
    }
}

// MARK: - Arrays and optionals

/// What an array that is read may hold.
package protocol PostgresDecodableElement: PostgresArrayElement {
    /// Whether an array, or for bytes the whole value, of this type can be read.
    static func canDecodeArray(_ type: PostgresType) -> Bool

    /// Reads the elements.
    static func decodeArray(_ bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) -> [Self]
}

extension PostgresDecodable {
    package static func canDecodeArray(_ type: PostgresType) -> Bool {
        // The elements' type stands in the value itself, so arrays over types that are not built in can be read too.
        type == postgresArrayType || type.rawValue >= 16384 || type.element.map(canDecode) == true
    }

    package static func decodeArray(
        _ bytes: Span<UInt8>,
        type: PostgresType,
    ) throws(PostgresDecodingFailure) -> [Self] {
        var reader = FieldReader(bytes.count)
        let dimensions = try reader.next(Int32.self, of: bytes)
        _ = try reader.next(Int32.self, of: bytes)
        let elementType = PostgresType(rawValue: try reader.next(UInt32.self, of: bytes))
        guard canDecode(elementType) else { throw .wrongType }
        guard dimensions != 0 else { return [] }
        guard dimensions == 1 else { throw .malformed("an array of \(dimensions) dimensions") }
        let count = Int(try reader.next(Int32.self, of: bytes))
        _ = try reader.next(Int32.self, of: bytes)
        guard count >= 0, count <= bytes.count / 4 else { throw .malformed("an array longer than its bytes") }
        var elements: [Self] = []
        elements.reserveCapacity(count)
        for _ in 0..<count {
            let length = Int(try reader.next(Int32.self, of: bytes))
            guard length >= 0 else {
                elements.append(try decodeNull())
                continue
            }
            let range = try reader.take(length)
            elements.append(try Self(postgresBytes: bytes.extracting(range), type: elementType))
        }
        return elements
    }
}

extension UInt8: PostgresDecodableElement {
    package static func canDecodeArray(_ type: PostgresType) -> Bool {
        type == .bytea
    }

    package static func decodeArray(
        _ bytes: Span<UInt8>,
        type: PostgresType,
    ) throws(PostgresDecodingFailure) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}

extension Array: PostgresDecodableElement where Element: PostgresDecodableElement {}

extension Array: PostgresDecodable where Element: PostgresDecodableElement {
    package static func canDecode(_ type: PostgresType) -> Bool {
        Element.canDecodeArray(type)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self = try Element.decodeArray(bytes, type: type)
    }
}

extension Optional: PostgresDecodableElement where Wrapped: PostgresDecodable {}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func canDecode(_ type: PostgresType) -> Bool {
        Wrapped.canDecode(type)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self = try Wrapped(postgresBytes: bytes, type: type)
    }

    package static func decodeNull() throws(PostgresDecodingFailure) -> Wrapped? {
        nil
    }
}

/// Walks through the bytes of an array; it cannot hold them, as they are lent.
struct FieldReader {
    private var offset = 0
    private let end: Int

    init(_ count: Int) {
        end = count
    }

    mutating func take(_ count: Int) throws(PostgresDecodingFailure) -> Range<Int> {
        guard count <= end - offset else { throw .malformed("a field longer than its value") }
        defer { offset += count }
        return offset..<offset + count
    }

    mutating func next<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ type: Integer.Type,
        of bytes: Span<UInt8>,
    ) throws(PostgresDecodingFailure) -> Integer {
        let range = try take(MemoryLayout<Integer>.size)
        return try Integer(bigEndian: bytes.extracting(range))
    }
}

extension FixedWidthInteger where Self: BitwiseCopyable {
    /// Exactly the bytes of one integer, most significant first.
    init(bigEndian bytes: Span<UInt8>) throws(PostgresDecodingFailure) {
        guard bytes.count == MemoryLayout<Self>.size else {
            throw .malformed("\(bytes.count) bytes, not \(MemoryLayout<Self>.size)")
        }
        let loaded = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: Self.self) }
        self.init(bigEndian: loaded)
    }
}
