import Ledger
package import Postgres
package import Sharing

/// Rows of `delivery.destination`.
package enum DestinationRow {
    /// Reads the columns from `state` to `canary` in the table's order; a destination without a row is up.
    package static func record(
        of destination: Destination,
        _ row: Row,
        at column: Int,
    ) throws(PostgresError) -> DestinationRecord {
        var record = DestinationRecord(destination)
        guard let state = try row[column, as: String?.self] else { return record }
        guard let state = DestinationRecord.State(rawValue: state) else {
            throw PostgresError(.decoding, "delivery.destination holds the state \(state)")
        }
        record.state = state
        record.since = try row[column + 1, as: Timestamp?.self]
        record.reason = try row[column + 2, as: String?.self]
        record.failures = Int(try row[column + 3, as: Int32.self])
        record.firstFailure = try row[column + 4, as: Timestamp?.self]
        record.history = UInt32(clamping: try row[column + 5, as: Int32.self])
        record.refusals = Int(try row[column + 6, as: Int32.self])
        record.limit = try row[column + 7, as: Int32?.self].map { Int($0) }
        record.nextCanary = try row[column + 8, as: Timestamp?.self]
        record.canaries = Int(try row[column + 9, as: Int32.self])
        record.canary = try row[column + 10, as: Int64?.self].map { DeliveryID(rawValue: $0) }
        return record
    }

    /// Reads those of some destinations; what is missing is up.
    package static func read(_ destinations: Set<Destination>) -> SQL {
        reading(destinations.map(\.rawValue))
    }

    /// Decodes what ``read(_:)`` gives.
    package static func records(_ rows: Rows) throws(PostgresError) -> [DestinationRecord] {
        var records: [DestinationRecord] = []
        for row in rows {
            records.append(try record(of: Destination(rawValue: try row[0, as: Int64.self]), row, at: 1))
        }
        return records
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
