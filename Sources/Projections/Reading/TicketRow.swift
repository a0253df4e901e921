import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// Rows of `projection.ticket`.
enum TicketRow {
    /// Writes the columns in the order of the table.
    ///
    /// - Parameter state: Its ``ShareFold/encodedState()``.
    static func append(_ fold: ShareFold, state: [UInt8], to row: inout RowWriter) {
        let ticket = fold.state.ticket
        row.append(fold.share.rawValue)
        row.append(fold.lastPosition.rawValue)
        row.append(ticket.requestedAt.map { Timestamp(microseconds: $0.microseconds) })
        row.append(Int32(clamping: fold.commentCount))
        row.append(Int32(clamping: fold.publicCommentCount))
        row.append(ticket.isShared)
        row.append(ticket.id.text)
        row.append(ticket.subject)
        row.append(ticket.status)
        row.append(ticket.customStatus)
        row.append(ticket.originalID?.text)
        row.append(ticket.requester?.id?.text)
        row.append(ticket.requester?.name)
        row.append(ticket.tags)
        let erased = fold.state.erasedMembers.map(\.name).sorted()
        row.append(erased.isEmpty ? nil : erased)
        row.append(String(decoding: state, as: UTF8.self))
    }

    /// What ``fold(_:knownComments:)`` reads, of `ledger.share AS sh` left joined with `ticket AS t`.
    static let columns = """
        sh.share_id, sh.ticket, t.last_position, t.comment_count, t.public_comment_count, t.shared, t.erased, t.state
        """

    /// Of shares with more comments than that only those are read that messages name.
    static let knownCommentCount: Int32 = 64

    /// A share as it was saved, to be folded further, with what `ProjectionTables.comments(of:named:)` says of it.
    static func fold(_ row: Row, knownComments: Set<CommentID>) throws(PostgresError) -> ShareFold {
        let share = try row[0, as: Position.self]
        let ticket: TicketID = try row.identifier(1)
        guard let lastPosition = try row[2, as: Position?.self] else { return ShareFold(share: share, ticket: ticket) }
        let isShared = try row[5, as: Bool.self]
        let erased = Set(try row[6, as: [String]?.self] ?? [])
        var loaded = Ticket(id: ticket, isShared: isShared, otherCommentIDs: knownComments)
        let state = Array(try row[7, as: String.self].utf8)
        guard let body = TicketContent.message(state, ticket) else {
            throw PostgresError(.decoding, "the saved state of share \(share) is no ticket")
        }
        loaded.apply(.share(body.message), by: .sender, under: .all)
        if !isShared { loaded.apply(.unshare, by: .sender, under: .all) }
        let commentCount = try row[3, as: Int32.self]
        return ShareFold(
            share: share,
            state: TicketState(loaded, erasedMembers: Set(TicketMember.allCases.filter { erased.contains($0.name) })),
            lastPosition: lastPosition,
            commentCount: Int(commentCount),
            publicCommentCount: Int(try row[4, as: Int32.self]),
            knowsComments: commentCount <= knownCommentCount,
        )
    }
}
