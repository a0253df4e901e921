import Ledger
import Postgres

/// Folds ranges of shares into the tables of a rebuild.
struct ShadowWriter {
    private let bounds: ShareScan.Bounds

    init(_ bounds: ShareScan.Bounds) {
        self.bounds = bounds
    }

    /// Folds one range; returns what could not be folded with what was done.
    func fill(
        _ range: Range<Position>,
        in session: inout PostgresSession,
    ) throws -> ([FoldFault], ShareScan.Summary) {
        let tables = try ProjectionTables(in: &session, schema: ProjectionTables.shadow)
        let heads = try session.compositeType("\(ProjectionTables.shadow).ticket_head")
        var scan = ShareScan(bounds, rows: FoldedRows(tables, heads: heads))
        var faults: [FoldFault] = []
        let summary = try scan.run(range, in: &session) { session, rows in
            try copy(rows.comments, to: "comment", in: &session)
            try copy(rows.tickets, to: "ticket", in: &session)
            try copy(rows.heads, to: "ticket_head", in: &session)
            try copy(rows.unfolded, to: "unfolded", in: &session)
            faults += rows.faults
        }
        return (faults, summary)
    }

    private func copy(_ rows: RowBatch, to table: String, in session: inout PostgresSession) throws {
        guard rows.count > 0 else { return }
        try session.copyIn("COPY \(identifier: ProjectionTables.shadow, table) FROM STDIN (FORMAT binary)") { writer in
            try writer.write(rows)
        }
    }
}
