package import Ledger
package import TicketSharing

/// A share as one side held it at a moment.
package struct ReconstructedShare: Sendable {
    /// The agreement as it stood then; `nil` where its invitation cannot be folded.
    package let agreement: AgreementState?

    /// The ticket, and what of it is erased.
    package let state: TicketState

    /// The first and the last message that are folded in.
    package let firstPosition: Position
    package let lastPosition: Position

    /// The comments of ``ticket``, in its order.
    package let comments: [HeldComment]

    /// Messages to the partner that it has not acknowledged; their content is not part of its view.
    package let unacknowledgedCount: Int

    /// Messages that could not be folded, or are gone, and are missing.
    package let faults: [FoldFault]

    /// Where each member's value is from; `nil` where that was not asked.
    let origins: [String: ValueOrigin]?

    /// The ticket in the protocol's own form by ``Ticket/encoded(under:)``.
    package var ticket: Ticket { state.ticket }
}

/// The message, or the attempt that sent a ticket's state, by which a member got the value that it has.
package struct ValueOrigin: Sendable, Equatable {
    package let position: Position
    package let direction: Direction

    /// Who acted last, as the ticket says.
    package let actor: String?
}

/// Who holds a comment, and since when.
package struct HeldComment: Sendable, Equatable {
    /// Names the comment.
    package let id: CommentID

    /// The message that brought it, and which way that went.
    package let position: Position
    package let direction: Direction

    /// The event from which on the partner is known to hold it: its own message, or its answer to ours; `nil` before that.
    package internal(set) var partnerSince: Position?
}
