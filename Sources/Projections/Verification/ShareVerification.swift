import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// Compares a range of shares with the rows that the projections have of them.
struct ShareVerification {
    private let bounds: ShareScan.Bounds

    init(_ bounds: ShareScan.Bounds) {
        self.bounds = bounds
    }

    func verify(
        _ range: Range<Position>,
        in session: inout PostgresSession,
    ) throws -> (DifferenceList, ShareScan.Summary) {
        let tables = try ProjectionTables(in: &session)
        let heads = try session.compositeType("projection.ticket_head")
        var scan = ShareScan(bounds, rows: FoldedRows(tables, heads: heads))
        var differences = DifferenceList()
        let summary = try scan.run(range, in: &session) { session, rows in
            differences.add(try RowComparison.ticket.differences(from: rows.tickets, in: &session))
            differences.add(try RowComparison.comment.differences(from: rows.comments, in: &session))
            differences.add(try RowComparison.head.differences(from: rows.heads, in: &session))
            differences.add(
                rows.faults.map { fault in
                    let kind = Difference.Kind.unfoldable(reason: fault.reason)
                    return Difference(table: .ticket, row: "event \(fault.position)", kind: kind, since: fault.position)
                }
            )
        }
        differences.add(try unexpectedTickets(in: range, &session))
        differences.add(try unexpectedComments(in: range, summary.commentCounts, &session))
        return (differences, summary)
    }

    /// Rows of shares that are not in the ledger, or that nothing has followed yet.
    private func unexpectedTickets(
        in range: Range<Position>,
        _ session: inout PostgresSession,
    ) throws(PostgresError) -> [Difference] {
        let rows = try session.query(
            """
            SELECT 'ticket', t.share_id
            FROM projection.ticket AS t
            WHERE t.share_id >= \(range.lowerBound)
                AND t.share_id < \(range.upperBound)
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.share AS sh
                    WHERE sh.share_id = t.share_id
                        AND sh.share_id < \(bounds.followed)
                )
            UNION ALL
            SELECT 'ticket_head', h.share_id
            FROM projection.ticket_head AS h
            WHERE h.share_id >= \(range.lowerBound)
                AND h.share_id < \(range.upperBound)
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.share AS sh
                    WHERE sh.share_id = h.share_id
                )
            """
        )
        var differences: [Difference] = []
        for row in rows {
            let (table, share) = try row.decode((String, Position).self)
            let known = Difference.Table(rawValue: table) ?? .ticket
            differences.append(Difference(table: known, row: "share \(share)", kind: .unexpected, since: share))
        }
        return differences
    }

    /// Comments that no message brought, looked for only where there are more than there should be.
    private func unexpectedComments(
        in range: Range<Position>,
        _ counts: [Position: Int],
        _ session: inout PostgresSession,
    ) throws -> [Difference] {
        let rows = try session.query(
            """
            SELECT c.share_id, count(*)
            FROM projection.comment AS c
            WHERE c.share_id >= \(range.lowerBound)
                AND c.share_id < \(range.upperBound)
            GROUP BY c.share_id
            """
        )
        var differences: [Difference] = []
        for row in rows {
            let (share, count) = try row.decode((Position, Int64).self)
            guard counts[share] != Int(count) else { continue }
            differences += try unexpectedComments(of: share, &session)
        }
        return differences
    }

    private func unexpectedComments(
        of share: Position,
        _ session: inout PostgresSession,
    ) throws -> [Difference] {
        let known = try Reconstructor.comments(of: share, before: bounds.followed, in: &session).map(\.text)
        let rows = try session.query(
            """
            SELECT c.comment, c.position
            FROM projection.comment AS c
            WHERE c.share_id = \(share)
                AND NOT EXISTS (
                    SELECT
                    FROM unnest(\(known)) AS known (comment)
                    WHERE known.comment = c.comment
                )
            """
        )
        var differences: [Difference] = []
        for row in rows {
            let (comment, position) = try row.decode((String, Position).self)
            let label = "share \(share) comment \(comment)"
            differences.append(Difference(table: .comment, row: label, kind: .unexpected, since: position))
        }
        return differences
    }
}
