/// A Swift type that has a type of PostgreSQL's as its like.
package protocol PostgresValue: PostgresArrayElement {
    /// The type that a parameter is declared as, and that a column is expected to have.
    static var postgresType: PostgresType { get }
}

/// What an array that is bound or read may hold: every value, and bytes, which make a `bytea`.
///
/// Apart from ``PostgresValue`` because `[UInt8]` is one value and not an array of values. An array in an array, other than
/// `[[UInt8]]`, is refused by the server.
package protocol PostgresArrayElement: Sendable {
    /// The type of an array over these; ``PostgresType/unspecified`` for types that are not built in.
    static var postgresArrayType: PostgresType { get }
}

/// Both ways.
package typealias PostgresCodable = PostgresEncodable & PostgresDecodable

// MARK: - Defaults

extension PostgresValue {
    package static var postgresArrayType: PostgresType { postgresType.array }
}

extension PostgresValue where Self: RawRepresentable, RawValue: PostgresValue {
    package static var postgresType: PostgresType { RawValue.postgresType }
}

extension UInt8: PostgresArrayElement {
    package static var postgresArrayType: PostgresType { .bytea }
}

extension Array: PostgresArrayElement where Element: PostgresArrayElement {}

extension Array: PostgresValue where Element: PostgresArrayElement {
    package static var postgresType: PostgresType { Element.postgresArrayType }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresValue {}

extension Optional: PostgresValue where Wrapped: PostgresValue {
    package static var postgresType: PostgresType { Wrapped.postgresType }

    package static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
}
