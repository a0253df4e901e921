import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// Rows of `projection.comment`.
enum CommentRow {
    /// Writes the columns in the order of the table.
    static func append(_ folded: FoldedComment, to row: inout RowWriter) {
        let comment = folded.comment
        row.append(folded.share.rawValue)
        row.append(folded.position.rawValue)
        row.append(comment.authoredAt.map { Timestamp(microseconds: $0.microseconds) })
        row.append(Int32(clamping: folded.ordinal))
        row.append(comment.isPublic)
        row.append(folded.isErased)
        row.append(comment.id.text)
        row.append(comment.author?.id?.text)
        row.append(comment.author?.name)
        row.append(comment.body)
        row.append(String(decoding: comment.encodedWithoutBody(), as: UTF8.self))
    }
}

/// Rows of `projection.unfolded`.
enum UnfoldedRow {
    /// Writes the columns in the order of the table.
    static func append(_ fault: FoldFault, share: Position, to row: inout RowWriter) {
        row.append(fault.position.rawValue)
        row.append(share.rawValue)
        row.append(fault.reason)
    }
}
