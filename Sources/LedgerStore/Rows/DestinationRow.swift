import Ledger
package import Postgres
package import Sharing

/// Rows of `delivery.destination`.
package enum DestinationRow {
    /// Reads those of some destinations; what is missing is up.
    package static func read(_ destinations: Set<Destination>) -> SQL {
        reading(destinations.map(\.rawValue))
    }

    /// Decodes what ``read(_:)`` gives.
    package static func records(_ rows: Rows) throws(PostgresError) -> [DestinationRecord] {
        var records: [DestinationRecord] = []
        for row in rows {
            records.append(try record(row))
        }
        return records
    }

    private static func record(_ row: Row) throws(PostgresError) -> DestinationRecord {
        var record = DestinationRecord(Destination(rawValue: try row[0, as: Int64.self]))
        record.state = try row.known(1)
        record.since = try row[2, as: Timestamp?.self]
        record.reason = try row[3, as: String?.self]
        record.failures = Int(try row[4, as: Int32.self])
        record.firstFailure = try row[5, as: Timestamp?.self]
        record.history = UInt32(clamping: try row[6, as: Int32.self])
        record.refusals = Int(try row[7, as: Int32.self])
        record.limit = try row[8, as: Int32?.self].map { Int($0) }
        record.nextCanary = try row[9, as: Timestamp?.self]
        record.canaries = Int(try row[10, as: Int32.self])
        record.canary = try row[11, as: Int64?.self].map { DeliveryID(rawValue: $0) }
        return record
    }

    private static let reading = Statement<[Int64]>(
        """
        SELECT partner_id, state, since, reason, failures, first_failure_at, history, refusals, in_flight_limit, canary_at,
            canaries, canary
        FROM delivery.destination
        WHERE partner_id = ANY ($1)
        """
    )

    /// Writes all but the canary, which is for whoever claims.
    static func write(_ records: [DestinationRecord]) -> SQL {
        statement(
            records.map(\.destination.rawValue),
            records.map(\.state.rawValue),
            records.map(\.since),
            records.map(\.reason),
            records.map { Int32(clamping: $0.failures) },
            records.map(\.firstFailure),
            records.map { Int32(clamping: $0.history) },
            records.map { Int32(clamping: $0.refusals) },
            records.map { $0.limit.map { Int32(clamping: $0) } },
            records.map(\.nextCanary),
            records.map { Int32(clamping: $0.canaries) },
        )
    }

    private static let statement = Statement<
        [Int64], [String], [Timestamp?], [String?], [Int32], [Timestamp?], [Int32], [Int32], [Int32?], [Timestamp?],
        [Int32]
    >(
        """
        INSERT INTO delivery.destination (
            partner_id, state, since, reason, failures, first_failure_at, history, refusals, in_flight_limit, canary_at,
            canaries)
        SELECT *
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (partner_id) DO UPDATE SET
            state = excluded.state,
            since = excluded.since,
            reason = excluded.reason,
            failures = excluded.failures,
            first_failure_at = excluded.first_failure_at,
            history = excluded.history,
            refusals = excluded.refusals,
            in_flight_limit = excluded.in_flight_limit,
            canary_at = excluded.canary_at,
            canaries = excluded.canaries,
            canary = CASE WHEN excluded.state = 'out' THEN destination.canary END
        """
    )
}
