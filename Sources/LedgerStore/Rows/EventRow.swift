import Cryptography
import Ledger
package import Postgres
package import Sharing

/// Rows of `ledger.event`, in the order of its columns.
enum EventRow {
    static func append(_ event: SequencedEvent, to row: inout RowWriter) {
        let leaf = event.leaf
        row.append(event.position.rawValue)
        row.append(event.stream.rawValue)
        row.append(leaf.streamLink.sequence)
        row.append(event.share?.rawValue)
        row.append(leaf.shareLink?.sequence)
        row.append(leaf.recorded)
        row.append(Int32(leaf.origin.epoch))
        row.append(leaf.attempt.map { Int32($0) })
        row.append(leaf.status.map { Int32($0) })
        row.append(Int16(Facts.format))
        row.append(leaf.event)
        row.append(leaf.about)
        row.append(leaf.exchange)
        row.append(leaf.type.rawValue)
        row.append(leaf.direction?.rawValue)
        row.append(event.leafHash)
        row.append(leaf.streamLink.previous)
        row.append(leaf.shareLink?.previous)
        row.append(leaf.parts.map(\.name.rawValue))
        row.append(leaf.parts.map { Int64($0.byteCount) })
        row.append(leaf.parts.map(\.commitment))
    }
}

/// Rows of `ledger.payload`, in the order of its columns.
enum PayloadRow {
    static func append(_ part: Part, of event: SequencedEvent, to row: inout RowWriter) {
        row.append(event.position.rawValue)
        row.append(part.name == .body ? event.draft.castableBody : nil)
        row.append(part.name.rawValue)
        row.append(part.salt)
        row.append(part.content)
        row.append(part.chunkLengths.map { $0.map { Int32($0) } })
        row.append(part.splices?.bytes)
    }
}

/// Rows of `projection.ticket_head`, in the order of its columns.
package enum TicketHeadRow {
    /// Writes the columns in the order of the table.
    package static func append(_ head: TicketHead, to row: inout RowWriter) {
        row.append(head.share.rawValue)
        row.append(head.last.receipt.position.rawValue)
        row.append(head.last.receipt.recorded)
        row.append(head.last.receipt.event)
        row.append(Int32(head.last.status))
        row.append(head.isShared)
        row.append(head.status)
        row.append(head.last.digest)
    }
}
