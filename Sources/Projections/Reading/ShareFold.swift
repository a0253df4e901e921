import Cryptography
import Ledger
import Postgres
import Sharing
import TicketSharing

/// A share while it is folded for its rows: the ticket as it stands, without the comments that were written already.
struct ShareFold: Sendable {
    let share: Position
    private(set) var state: TicketState
    private(set) var lastPosition: Position
    private(set) var commentCount: Int
    private(set) var publicCommentCount: Int

    /// Whether all its comments are known by name, and not only those that were asked for.
    let knowsComments: Bool

    /// The last message, which the next one might repeat; unknown for a share that was loaded.
    private(set) var last: TicketEventHead?

    /// A share of which nothing was folded yet.
    init(share: Position, ticket: TicketID) {
        self.share = share
        state = TicketState(id: ticket)
        lastPosition = share
        commentCount = 0
        publicCommentCount = 0
        knowsComments = true
    }

    init(
        share: Position,
        state: TicketState,
        lastPosition: Position,
        commentCount: Int,
        publicCommentCount: Int,
        knowsComments: Bool,
    ) {
        self.share = share
        self.state = state
        self.lastPosition = lastPosition
        self.commentCount = commentCount
        self.publicCommentCount = publicCommentCount
        self.knowsComments = knowsComments
    }

    /// Takes one message in and returns the comments that it brought.
    mutating func apply(_ event: TicketEvent) throws(FoldFault) -> [FoldedComment] {
        let position = event.head.position
        lastPosition = position
        last = event.head
        try state.apply(event)
        let taken = state.takeComments()
        guard !taken.isEmpty else { return [] }
        let first = commentCount
        commentCount += taken.count
        publicCommentCount += taken.count { $0.comment.isPublic }
        return taken.enumerated().map { index, taken in
            FoldedComment(
                share: share,
                position: position,
                ordinal: first + index,
                comment: taken.comment,
                isErased: taken.isErased,
            )
        }
    }

    /// The ticket without its comments, as it is saved.
    func encodedState() -> [UInt8] {
        state.ticket.encodedWithoutComments()
    }

    /// The share as decisions read it; `nil` for one that was loaded.
    func head(digest: Digest) -> TicketHead? {
        last.map { last in
            TicketHead(
                share: share,
                isShared: state.ticket.isShared,
                status: state.ticket.status,
                last: last.lastMessage(digest: digest)
            )
        }
    }
}

/// A comment with its place.
struct FoldedComment: Sendable {
    let share: Position

    /// The event that brought it.
    let position: Position

    /// Its place among the comments of its ticket, from 0.
    let ordinal: Int

    let comment: TicketComment
    let isErased: Bool
}
