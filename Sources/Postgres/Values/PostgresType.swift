/// A type of PostgreSQL's, by the OID under which `pg_type` knows it.
package struct PostgresType: RawRepresentable, Hashable, Sendable {
    /// The OID.
    package let rawValue: UInt32

    /// For types that are not built in, as this database numbers them.
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

// MARK: - Built-in types

extension PostgresType {
    /// Leaves the choice to the server.
    package static let unspecified = PostgresType(rawValue: 0)
    /// One byte.
    package static let bool = PostgresType(rawValue: 16)
    /// Bytes.
    package static let bytea = PostgresType(rawValue: 17)
    /// One byte, as catalogues use it.
    package static let char = PostgresType(rawValue: 18)
    /// Text of up to 63 bytes: names of objects.
    package static let name = PostgresType(rawValue: 19)
    /// `bigint`, eight bytes.
    package static let int8 = PostgresType(rawValue: 20)
    /// `smallint`, two bytes.
    package static let int2 = PostgresType(rawValue: 21)
    /// `integer`, four bytes.
    package static let int4 = PostgresType(rawValue: 23)
    /// Text without a limit.
    package static let text = PostgresType(rawValue: 25)
    /// Numbers of objects, four bytes without a sign.
    package static let oid = PostgresType(rawValue: 26)
    /// JSON as it was written; travels as text.
    package static let json = PostgresType(rawValue: 114)
    /// `real`, four bytes.
    package static let float4 = PostgresType(rawValue: 700)
    /// `double precision`, eight bytes.
    package static let float8 = PostgresType(rawValue: 701)
    /// A literal whose type nobody has asked for.
    package static let unknown = PostgresType(rawValue: 705)
    /// `char(n)`, padded with blanks.
    package static let bpchar = PostgresType(rawValue: 1042)
    /// Text with a limit.
    package static let varchar = PostgresType(rawValue: 1043)
    /// Days since 2000.
    package static let date = PostgresType(rawValue: 1082)
    /// Microseconds since 2000, of no time zone.
    package static let timestamp = PostgresType(rawValue: 1114)
    /// Microseconds since 2000, UTC; see ``PostgresEpoch``.
    package static let timestamptz = PostgresType(rawValue: 1184)
    /// Decimal numbers; fetched as text.
    package static let numeric = PostgresType(rawValue: 1700)
    /// 16 bytes.
    package static let uuid = PostgresType(rawValue: 2950)
    /// JSON taken apart; travels as text behind a version byte.
    package static let jsonb = PostgresType(rawValue: 3802)

    /// An array of ``bool``.
    package static let boolArray = PostgresType(rawValue: 1000)
    /// An array of ``bytea``.
    package static let byteaArray = PostgresType(rawValue: 1001)
    /// An array of ``name``.
    package static let nameArray = PostgresType(rawValue: 1003)
    /// An array of ``int2``.
    package static let int2Array = PostgresType(rawValue: 1005)
    /// An array of ``int4``.
    package static let int4Array = PostgresType(rawValue: 1007)
    /// An array of ``text``.
    package static let textArray = PostgresType(rawValue: 1009)
    /// An array of ``varchar``.
    package static let varcharArray = PostgresType(rawValue: 1015)
    /// An array of ``int8``.
    package static let int8Array = PostgresType(rawValue: 1016)
    /// An array of ``float4``.
    package static let float4Array = PostgresType(rawValue: 1021)
    /// An array of ``float8``.
    package static let float8Array = PostgresType(rawValue: 1022)
    /// An array of ``oid``.
    package static let oidArray = PostgresType(rawValue: 1028)
    /// An array of ``timestamptz``.
    package static let timestamptzArray = PostgresType(rawValue: 1185)
    /// An array of ``uuid``.
    package static let uuidArray = PostgresType(rawValue: 2951)

    /// Types whose binary form is plain UTF-8.
    var isTextual: Bool {
        switch self {
        case .text, .varchar, .bpchar, .name, .unknown, .json: true
        default: false
        }
    }

    /// The array over a built-in type, ``unspecified`` for any other.
    var array: PostgresType {
        Self.arrays[self] ?? .unspecified
    }

    /// What a built-in array type holds, nil for any other type.
    var element: PostgresType? {
        Self.elements[self]
    }

    private static let elements = Dictionary(uniqueKeysWithValues: arrays.map { ($1, $0) })

    private static let arrays: [PostgresType: PostgresType] = [
        .bool: .boolArray, .bytea: .byteaArray, .name: .nameArray, .int2: .int2Array, .int4: .int4Array,
        .text: .textArray, .varchar: .varcharArray, .int8: .int8Array, .float4: .float4Array,
        .float8: .float8Array, .oid: .oidArray, .timestamptz: .timestamptzArray, .uuid: .uuidArray,
    ]
}

extension PostgresType: CustomStringConvertible {
    /// The name as SQL writes it, `type 16401` for one that is not built in.
    package var description: String {
        if let name = Self.names[self] { return name }
        if let element { return "\(element)[]" }
        return "type \(rawValue)"
    }

    private static let names: [PostgresType: String] = [
        .unspecified: "unspecified", .bool: "bool", .bytea: "bytea", .char: "\"char\"", .name: "name", .int8: "int8",
        .int2: "int2", .int4: "int4", .text: "text", .oid: "oid", .json: "json", .float4: "float4",
        .float8: "float8", .unknown: "unknown", .bpchar: "bpchar", .varchar: "varchar", .date: "date",
        .timestamp: "timestamp", .timestamptz: "timestamptz", .numeric: "numeric", .uuid: "uuid", .jsonb: "jsonb",
    ]
}
