import Ledger
package import Postgres
package import TicketSharing

/// What became of a share between two moments, for one side.
package struct ShareDifference: Sendable {
    /// The members that have another value, in alphabetical order.
    package let members: [Member]

    /// The comments that came, in order.
    package let comments: [Comment]

    /// Messages that could not be folded, or are gone; what they said is missing.
    package let faults: [FoldFault]

    /// A member of the ticket, or `shared`: whether it is shared.
    package struct Member: Sendable, Equatable {
        package let name: String

        /// Values as JSON; `nil` where there was none.
        package let old: [UInt8]?
        package let new: [UInt8]?

        /// What gave it the new value; of several messages the last.
        package let origin: ValueOrigin?
    }

    package struct Comment: Sendable {
        package let comment: TicketComment
        package let held: HeldComment
    }

    package var isEmpty: Bool { members.isEmpty && comments.isEmpty }

    /// Compares a share at two moments; `nil` where it was not known to this side at the second.
    package static func between(
        _ first: AsOf,
        _ second: AsOf,
        agreement: AgreementID,
        ticket: TicketID,
        view: PointOfView = .us,
        in session: inout PostgresSession,
    ) throws -> ShareDifference? {
        try session.transaction(.snapshot) { session in
            let old = try Reconstructor.share(
                agreement: agreement,
                ticket: ticket,
                asOf: first,
                view: view,
                in: &session,
            )
            let new = try Reconstructor.share(
                agreement: agreement,
                ticket: ticket,
                asOf: second,
                view: view,
                notesOrigins: true,
                in: &session,
            )
            return new.map { ShareDifference(from: old, to: $0) }
        }
    }

    private init(from old: ReconstructedShare?, to new: ReconstructedShare) {
        let (before, after) = (old.map { TicketValues($0.ticket) } ?? TicketValues(), TicketValues(new.ticket))
        members = after.names(differingFrom: before).map { name in
            Member(name: name, old: before[name], new: after[name], origin: new.origins?[name])
        }
        let known = Set(old?.comments.map(\.id) ?? [])
        comments = zip(new.ticket.comments, new.comments).compactMap { comment, held in
            known.contains(held.id) ? nil : Comment(comment: comment, held: held)
        }
        // What was missing at the first moment is missing at the second as well.
        faults = new.faults
    }
}
