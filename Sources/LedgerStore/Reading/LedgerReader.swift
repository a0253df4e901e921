package import Ledger
package import Postgres

/// Reads events and their parts, on whatever session it is given.
package enum LedgerReader {
    /// The events that satisfy a condition on `e` (event), `s` (stream), `sh` (share), in order of position.
    package static func events(
        where condition: SQL,
        limit: Int = 1000,
        isDescending: Bool = false,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [StoredEvent] {
        let order: SQL = isDescending ? "DESC" : "ASC"
        let rows = try session.query(
            """
            SELECT \(unescaped: StoredEvent.columns)
            FROM \(unescaped: StoredEvent.tables)
            WHERE \(condition)
            ORDER BY e.position \(order)
            LIMIT \(Int64(limit))
            """
        )
        var events: [StoredEvent] = []
        events.reserveCapacity(rows.count)
        for row in rows {
            events.append(try StoredEvent(row))
        }
        return events
    }

    /// One event by its position.
    package static func event(at position: Position, in session: inout PostgresSession) throws(PostgresError)
        -> StoredEvent?
    {
        try events(where: "e.position = \(position)", limit: 1, in: &session).first
    }

    /// One event by its id.
    package static func event(_ id: EventID, in session: inout PostgresSession) throws(PostgresError) -> StoredEvent? {
        try events(where: "e.event_id = \(id)", limit: 1, in: &session).first
    }

    /// All parts of one event that are still there, by name.
    package static func parts(
        of position: Position,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [PartName: StoredPart] {
        try parts(of: [position], in: &session)[position] ?? [:]
    }

    /// All parts of some events that are still there.
    package static func parts(
        of positions: [Position],
        named names: [PartName] = PartName.allCases,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Position: [PartName: StoredPart]] {
        let rows = try session.query(
            """
            SELECT p.position, p.part, p.content, p.salt, p.chunk_lengths, p.splices
            FROM ledger.payload AS p
            WHERE p.position = ANY (\(positions))
                AND p.part = ANY (\(names.map(\.rawValue)))
            """
        )
        var parts: [Position: [PartName: StoredPart]] = [:]
        for row in rows {
            let position = try row[0, as: Position.self]
            let name: PartName = try row.known(1)
            parts[position, default: [:]][name] = StoredPart(
                name: name,
                content: try row[2, as: [UInt8].self],
                salt: try row[3, as: [UInt8].self],
                chunkLengths: try row[4, as: [Int32]?.self].map { $0.map { Int($0) } },
                sealedSplices: try row[5, as: [UInt8]?.self],
            )
        }
        return parts
    }

    /// The position after the last event.
    package static func size(in session: inout PostgresSession) throws(PostgresError) -> Position {
        try session.query("SELECT coalesce(max(position) + 1, 0) FROM ledger.event").onlyRow()[0, as: Position.self]
    }
}
