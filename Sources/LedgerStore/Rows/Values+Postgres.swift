package import Cryptography
import Foundation
package import Ledger
package import Postgres

extension Position: PostgresEncodable, PostgresDecodable {}

extension Timestamp: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .timestamptz }

    package func encode(into buffer: inout PostgresBuffer) {
        buffer.append(microsecondsSince1970: microseconds)
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self.init(microseconds: try PostgresEpoch.microsecondsSince1970(bytes))
    }
}

extension EventID: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .uuid }

    package func encode(into buffer: inout PostgresBuffer) {
        unsafe withUnsafeBytes { unsafe buffer.append(raw: $0) }
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        self.init(try UUID(postgresBytes: bytes, type: type))
    }
}

extension Digest: PostgresEncodable, PostgresDecodable {
    package static var postgresType: PostgresType { .bytea }

    package func encode(into buffer: inout PostgresBuffer) {
        unsafe withUnsafeBytes { unsafe buffer.append(raw: $0) }
    }

    package init(postgresBytes bytes: Span<UInt8>, type: PostgresType) throws(PostgresDecodingFailure) {
        guard let digest = Digest(try [UInt8](postgresBytes: bytes, type: type)) else {
            throw .malformed("no 32 bytes")
        }
        self = digest
    }
}

// MARK: - In rows, where most of them are

extension RowWriter {
    package mutating func append(_ id: EventID) {
        unsafe id.withUnsafeBytes { unsafe append($0, as: .uuid) }
    }

    package mutating func append(_ id: EventID?) {
        if let id { append(id) } else { appendNull() }
    }

    package mutating func append(_ digest: Digest) {
        unsafe digest.withUnsafeBytes { unsafe append($0, as: .bytea) }
    }

    package mutating func append(_ digest: Digest?) {
        if let digest { append(digest) } else { appendNull() }
    }
}

extension Row {
    package subscript(column: Int, as type: Position.Type) -> Position {
        get throws(PostgresError) { Position(rawValue: try self[column, as: Int64.self]) }
    }
}
