/// The row type of a table, as this database numbers it.
package struct CompositeType: Sendable, Hashable {
    /// One column that has not been dropped.
    package struct Column: Sendable, Hashable {
        /// The column's name.
        package let name: String

        /// The declared type, a domain perhaps.
        package let type: PostgresType

        /// The type under the domains; decides what may be written.
        package let baseType: PostgresType

        /// Labels of an enumeration travel as text.
        package let isEnumeration: Bool

        /// By hand, for rows that only COPY will see.
        package init(name: String, type: PostgresType, baseType: PostgresType? = nil, isEnumeration: Bool = false) {
            self.name = name
            self.type = type
            self.baseType = baseType ?? type
            self.isEnumeration = isEnumeration
        }
    }

    /// The name it was asked for under.
    package let name: String

    /// The row type itself.
    package let type: PostgresType

    /// The type of an array of rows.
    package let arrayType: PostgresType

    /// In the table's order.
    package let columns: [Column]

    /// For rows that only COPY will see, the types may be left out.
    package init(
        name: String,
        type: PostgresType = .unspecified,
        arrayType: PostgresType = .unspecified,
        columns: [Column],
    ) {
        self.name = name
        self.type = type
        self.arrayType = arrayType
        self.columns = columns
    }
}

// MARK: - Looking up

extension PostgresSession {
    /// The row type of a table, view or composite type such as `ledger.event`; asked of the server once a session.
    ///
    /// Forgotten when a statement fails because types do not fit, as after a migration.
    package mutating func compositeType(_ name: String) throws(PostgresError) -> CompositeType {
        if let known = compositeTypes[name] { return known }
        let rows = try query(
            """
            WITH RECURSIVE composite AS (
                SELECT t.oid, t.typarray, t.typrelid
                FROM pg_catalog.pg_type AS t
                WHERE t.oid = pg_catalog.to_regtype(\(name)) AND t.typrelid <> 0
            ), base AS (
                SELECT a.attnum, t.oid, t.typtype, t.typbasetype
                FROM composite AS c
                JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.typrelid
                JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
                WHERE a.attnum > 0 AND NOT a.attisdropped
                UNION ALL
                SELECT b.attnum, t.oid, t.typtype, t.typbasetype
                FROM base AS b
                JOIN pg_catalog.pg_type AS t ON t.oid = b.typbasetype
                WHERE b.typtype = 'd'
            )
            SELECT c.oid, c.typarray, a.attname, a.atttypid, b.oid, b.typtype = 'e'
            FROM composite AS c
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.typrelid
            JOIN base AS b ON b.attnum = a.attnum AND b.typtype <> 'd'
            WHERE a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum
            """
        )
        let described = try rows.decode((UInt32, UInt32, String, UInt32, UInt32, Bool).self)
        guard let first = described.first else {
            throw PostgresError(.misuse, "\"\(name)\" is not the name of a row type")
        }
        let type = CompositeType(
            name: name,
            type: PostgresType(rawValue: first.0),
            arrayType: PostgresType(rawValue: first.1),
            columns: described.map { row in
                CompositeType.Column(
                    name: row.2,
                    type: PostgresType(rawValue: row.3),
                    baseType: PostgresType(rawValue: row.4),
                    isEnumeration: row.5,
                )
            },
        )
        compositeTypes[name] = type
        return type
    }
}
