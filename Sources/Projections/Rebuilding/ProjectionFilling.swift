package import Ledger
import LedgerStore
package import Postgres

/// Folds a ledger that was just read from elsewhere, in one transaction with that.
///
/// Tickets and comments are made. Partners, agreements and ticket heads were read, as what their repeats are recognised by
/// cannot be folded, and must be what their events make them.
package enum ProjectionFilling {
    /// - Parameters:
    ///   - keys: See ``AgreementState/init(_:_:id:keys:)``.
    ///   - session: In a transaction in which tickets and comments are empty.
    /// - Returns: Where what was read differs from what its events make it.
    package static func run(
        keys: KeyRing?,
        in session: inout PostgresSession,
        progress: @escaping @Sendable (FoldProgress) -> Void = { _ in },
    ) throws -> DifferenceList {
        var differences = DifferenceList()
        differences.add(try InlineComparison.partners(in: &session))
        differences.add(try InlineComparison.agreements(keys: keys, in: &session))
        let end = try LedgerReader.size(in: &session)
        let bounds = ShareScan.Bounds(end: end, followed: end)
        let tables = try ProjectionTables(in: &session)
        let heads = try session.compositeType("projection.ticket_head")
        let ranges = try ShareRanges(in: &session, report: progress)
        var headCount = 0
        while let range = ranges.take() {
            try Task.checkCancellation()
            var scan = ShareScan(bounds, rows: FoldedRows(tables, heads: heads))
            let summary = try scan.run(range, in: &session) { session, rows in
                headCount += rows.heads.count
                differences.add(try RowComparison.head.differences(from: rows.heads, in: &session))
                try copy(rows.comments, to: "comment", in: &session)
                try copy(rows.tickets, to: "ticket", in: &session)
                try copy(rows.unfolded, to: "unfolded", in: &session)
            }
            ranges.finish(summary)
        }
        let liveCount = try session.query("SELECT count(*) FROM projection.ticket_head").onlyRow()[0, as: Int64.self]
        if liveCount > headCount { differences.add(try unexpectedHeads(in: &session)) }
        try session.execute("UPDATE projection.follower SET next_position = \(end) WHERE name = 'ticket'")
        return differences
    }

    private static func copy(_ rows: RowBatch, to table: String, in session: inout PostgresSession) throws {
        guard rows.count > 0 else { return }
        try session.copyIn("COPY \(identifier: ProjectionTables.live, table) FROM STDIN (FORMAT binary)") { writer in
            try writer.write(rows)
        }
    }

    /// Heads of shares that no message was ever said of.
    private static func unexpectedHeads(in session: inout PostgresSession) throws(PostgresError) -> [Difference] {
        try session.query(
            """
            SELECT h.share_id
            FROM projection.ticket_head AS h
            WHERE NOT EXISTS (
                SELECT
                FROM ledger.event AS e
                WHERE e.share_id = h.share_id
                    AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
            )
            ORDER BY h.share_id
            LIMIT \(Int64(DifferenceList.keptCount))
            """
        ).decode((Position).self).map { share in
            Difference(table: .ticketHead, row: "share \(share)", kind: .unexpected, since: share)
        }
    }
}
