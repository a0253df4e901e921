import Ledger
import LedgerStore
import Postgres

/// Compares rows that folding made with those of a table, on the server: only what differs comes back.
///
/// Rows are compared as images, which costs little and takes no two values for one; columns are told apart only in rows
/// that differ.
struct RowComparison {
    /// The table that is checked.
    let table: Difference.Table

    /// The columns that tell its rows apart.
    let key: [String]

    /// The column with the last event that a row is made of.
    let position: String

    /// The columns that can be made from the ledger alone, where not all can.
    var compared: [String]?

    static let ticket = RowComparison(table: .ticket, key: ["share_id"], position: "last_position")
    static let comment = RowComparison(table: .comment, key: ["share_id", "comment"], position: "position")
    static let head = RowComparison(
        table: .ticketHead,
        key: ["share_id"],
        position: "last_position",
        compared: [
            "last_position", "last_recorded_at", "last_event_id", "last_status", "shared", "status",
        ],
    )

    /// Where the table differs from `rows`; rows beside these are not looked at.
    func differences(from rows: RowBatch, in session: inout PostgresSession) throws(PostgresError) -> [Difference] {
        guard rows.count > 0 else { return [] }
        let found = try session.query(
            """
            SELECT \(unescaped: label("n")), n.\(identifier: position), t.share_id IS NULL, d.key
            FROM unnest(\(rows)) AS n
            LEFT JOIN projection.\(identifier: table.rawValue) AS t ON \(unescaped: join)
            \(unescaped: columns(rows.type))
            WHERE t.share_id IS NULL OR d.key IS NOT NULL
            """
        )
        return try Self.differences(found, table)
    }

    /// Where the table differs from its like in another schema.
    ///
    /// - Parameters:
    ///   - condition: Which rows `n` of the other table count.
    ///   - unexpected: Which rows `t` that the other has not should not be there.
    /// - Returns: The first differences, and how many rows differ.
    func differences(
        from schema: String,
        where condition: SQL,
        unexpected: SQL = "true",
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (first: [Difference], count: Int) {
        let table = SQL("projection.\(identifier: table.rawValue)")
        let other = SQL("\(identifier: schema, self.table.rawValue)")
        let count = try session.query(
            """
            SELECT count(*)
            FROM \(table) AS t
            FULL JOIN \(other) AS n ON \(unescaped: join)
            WHERE (n.share_id IS NULL AND \(unexpected))
                OR ((t.share_id IS NULL OR \(unescaped: differs)) AND \(condition))
            """
        ).onlyRow()[0, as: Int64.self]
        guard count > 0 else { return ([], 0) }
        let type = try session.compositeType("projection.\(self.table.rawValue)")
        let changed = try session.query(
            """
            SELECT \(unescaped: label("n")), n.\(identifier: position), t.share_id IS NULL, d.key
            FROM \(other) AS n
            LEFT JOIN \(table) AS t ON \(unescaped: join)
            \(unescaped: columns(type))
            WHERE (t.share_id IS NULL OR d.key IS NOT NULL)
                AND \(condition)
            LIMIT \(Int64(DifferenceList.keptCount))
            """
        )
        let superfluous = try session.query(
            """
            SELECT \(unescaped: label("t")), t.\(identifier: position)
            FROM \(table) AS t
            LEFT JOIN \(other) AS n ON \(unescaped: join)
            WHERE n.share_id IS NULL
                AND \(unexpected)
            LIMIT \(Int64(DifferenceList.keptCount))
            """
        )
        var first = try Self.differences(changed, self.table)
        for row in superfluous {
            let (label, since) = try row.decode((String, Position).self)
            first.append(Difference(table: self.table, row: label, kind: .unexpected, since: since))
        }
        return (first, Int(count))
    }

    private static func differences(_ rows: Rows, _ table: Difference.Table) throws(PostgresError) -> [Difference] {
        var differences: [Difference] = []
        for row in rows {
            let (label, since, isMissing, column) = try row.decode((String, Position, Bool, String?).self)
            let kind = isMissing ? Difference.Kind.missing : .differs(column: column ?? "")
            differences.append(Difference(table: table, row: label, kind: kind, since: since))
        }
        return differences
    }

    // MARK: Pieces of SQL

    private func label(_ alias: String) -> String {
        key.count == 1
            ? "'share ' || \(alias).share_id" : "'share ' || \(alias).share_id || ' comment ' || \(alias).\(key[1])"
    }

    private var join: String {
        key.map { "t.\($0) = n.\($0)" }.joined(separator: " AND ")
    }

    /// Whether the rows `t` and `n` differ in what is compared.
    var differs: String {
        guard let compared else { return "t *<> n" }
        let (left, right) = (compared.map { "t.\($0)" }, compared.map { "n.\($0)" })
        return "(\(left.joined(separator: ", "))) IS DISTINCT FROM (\(right.joined(separator: ", ")))"
    }

    /// The columns in which two rows differ, by their texts; not as JSON, which may hold what JSON functions refuse.
    private func columns(_ type: CompositeType) -> String {
        let names = compared ?? type.columns.map(\.name)
        let cases = names.map { "CASE WHEN t.\($0)::text IS DISTINCT FROM n.\($0)::text THEN '\($0)' END" }
        return """
            LEFT JOIN LATERAL (
                SELECT c.key
                FROM unnest(ARRAY[\(cases.joined(separator: ", "))]) AS c (key)
                WHERE t.share_id IS NOT NULL
                    AND \(differs)
                    AND c.key IS NOT NULL
            ) AS d ON true
            """
    }
}
