package import Foundation

extension Bool: PostgresCodable {
    package static var postgresType: PostgresType { .bool }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self ? 1 as UInt8 : 0)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self = try UInt8(bigEndian: bytes) != 0
    }
}

// MARK: - Integers

extension Int16: PostgresCodable {
    package static var postgresType: PostgresType { .int2 }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        try self.init(bigEndian: bytes)
    }
}

extension Int32: PostgresCodable {
    package static var postgresType: PostgresType { .int4 }

    package static func canDecode(_ type: PostgresType) -> Bool {
        type == .int4 || type == .int2
    }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self = type == .int2 ? Int32(try Int16(bigEndian: bytes)) : try Int32(bigEndian: bytes)
    }
}

extension Int64: PostgresCodable {
    package static var postgresType: PostgresType { .int8 }

    /// Any integer type: an `int4` is what a bare `1` is in SQL.
    package static func canDecode(_ type: PostgresType) -> Bool {
        type == .int8 || type == .int4 || type == .int2
    }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        switch type {
        case .int2: self = Int64(try Int16(bigEndian: bytes))
        case .int4: self = Int64(try Int32(bigEndian: bytes))
        default: try self.init(bigEndian: bytes)
        }
    }
}

extension Int: PostgresCodable {
    package static var postgresType: PostgresType { .int8 }

    package static func canDecode(_ type: PostgresType) -> Bool {
        Int64.canDecode(type)
    }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(Int64(self))
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self = Int(try Int64(postgresBytes: bytes, type: type))
    }
}

/// PostgreSQL's `oid`, its only unsigned type.
extension UInt32: PostgresCodable {
    package static var postgresType: PostgresType { .oid }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        try self.init(bigEndian: bytes)
    }
}

// MARK: - Others

extension Double: PostgresCodable {
    package static var postgresType: PostgresType { .float8 }

    package static func canDecode(_ type: PostgresType) -> Bool {
        type == .float8 || type == .float4
    }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(bitPattern)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        if type == .float4 {
            self = Double(Float(bitPattern: try UInt32(bigEndian: bytes)))
        } else {
            self.init(bitPattern: try UInt64(bigEndian: bytes))
        }
    }
}

extension String: PostgresCodable {
    package static var postgresType: PostgresType { .text }

    /// Every type that travels as plain text, `json` among them; `jsonb`, `numeric` and enumerations want `::text` in the SQL.
    package static func canDecode(_ type: PostgresType) -> Bool {
        type.isTextual
    }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(utf8: self)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        let text = unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
        guard let text else { throw .malformed("not UTF-8") }
        self = text
    }
}

extension UUID: PostgresCodable {
    package static var postgresType: PostgresType { .uuid }

    package func encode(into buffer: inout PostgresBuffer) {
        unsafe withUnsafeBytes(of: uuid) { bytes in
            unsafe buffer.append(raw: bytes)
        }
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        guard bytes.count == 16 else { throw .malformed("\(bytes.count) bytes, not 16") }
        let uuid = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: uuid_t.self) }
        self.init(uuid: uuid)
    }
}
