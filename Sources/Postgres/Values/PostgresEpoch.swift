/// PostgreSQL counts microseconds from 2000-01-01 UTC, everybody else from 1970.
package enum PostgresEpoch {
    /// Microseconds from 1970-01-01 to 2000-01-01, both 00:00 UTC.
    package static let microsecondsFrom1970: Int64 = 946_684_800_000_000

    /// The number that `timestamptz` stores for a time.
    ///
    /// `Int64.min` and `.max` mean ±infinity there; what would become one by accident becomes a number that the server
    /// refuses as out of range (``SQLState/datetimeFieldOverflow``).
    package static func timestamp(microsecondsSince1970 microseconds: Int64) -> Int64 {
        let (shifted, overflow) = microseconds.subtractingReportingOverflow(microsecondsFrom1970)
        return overflow || shifted == .min ? .min + 1 : shifted
    }

    /// The time that a field of type `timestamptz` or `timestamp` (taken as UTC) holds, in microseconds since 1970.
    ///
    /// Throws ``PostgresDecodingFailure/malformed(_:)`` for ±infinity.
    package static func microsecondsSince1970(_ bytes: Span<UInt8>) throws(PostgresDecodingFailure) -> Int64 {
        let shifted = try Int64(bigEndian: bytes)
        let (microseconds, overflow) = shifted.addingReportingOverflow(microsecondsFrom1970)
        guard shifted != .min, !overflow else { throw .malformed("an infinite time") }
        return microseconds
    }
}
