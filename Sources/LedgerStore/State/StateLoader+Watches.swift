import Ledger
import Postgres
import Sharing

/// What has happened since a decision was prepared without the ledger's lock.
extension StateLoader {
    /// Positions from the watch's on are few: the rest of the ledger is not looked at.
    static func changes(since watch: LedgerWatch) -> SQL {
        let share: SQL =
            if let shares = watch.shares { "(e.share_id = ANY (\(Array(shares))) OR e.share_id IS NULL)" } else {
                "true"
            }
        return """
            SELECT e.position, e.event_id, e.type, e.direction, e.stream_id, e.share_id
            FROM ledger.event AS e
            WHERE e.position >= \(watch.since)
                AND e.stream_id = ANY (\(watch.streams))
                AND \(share)
                AND e.type = ANY (\(LedgerWatch.types.map(\.rawValue)))
            ORDER BY e.position
            LIMIT \(Int64(LedgerWatch.limit))
            """
    }

    static func changes(_ rows: Rows) throws(PostgresError) -> [WatchedChange] {
        var changes: [WatchedChange] = []
        for row in rows {
            changes.append(
                WatchedChange(
                    position: try row[0, as: Position.self],
                    event: try row[1, as: EventID.self],
                    type: try row.known(2),
                    direction: row.isNull(3) ? nil : try row.known(3),
                    stream: try row[4, as: Position.self],
                    share: try row[5, as: Position?.self],
                ),
            )
        }
        return changes
    }
}
