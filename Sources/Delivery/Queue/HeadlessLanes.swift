package import Postgres

/// Lanes of `delivery.queue` whose first row somebody has deleted: no row of theirs is a head, so that none is tried.
package enum HeadlessLanes {
    /// Lanes without a head, and those with several, whose messages may overtake one another.
    package static func count(in session: inout PostgresSession) throws(PostgresError) -> (none: Int64, several: Int64)
    {
        try session.query(
            """
            SELECT count(*) FILTER (WHERE lane.heads = 0), count(*) FILTER (WHERE lane.heads > 1)
            FROM (
                SELECT count(*) FILTER (WHERE is_head) AS heads
                FROM delivery.queue
                GROUP BY partner_id, stream_id, share_id
            ) AS lane
            """
        ).onlyRow().decode((Int64, Int64).self)
    }

    /// Makes the first row of each such lane its head; returns how many there were.
    ///
    /// No commit of ours leaves a lane without a head, so that whoever sees one may give it one, with no lock of the ledger.
    static func mend(in session: inout PostgresSession) throws(PostgresError) -> Int {
        try session.query(
            """
            UPDATE delivery.queue
            SET is_head = true
            WHERE delivery_id IN (\(lanes))
            RETURNING delivery_id
            """
        ).count
    }

    /// The first delivery of each lane without a head.
    private static let lanes: SQL = """
        SELECT (array_agg(delivery_id ORDER BY queue_position, item))[1]
        FROM delivery.queue
        GROUP BY partner_id, stream_id, share_id
        HAVING NOT bool_or(is_head)
        """
}
