import Ledger
import LedgerStore
package import Postgres
import Projections
package import Sharing
package import TicketSharing

/// Makes the requests that bring a partner to the state of a share as it stands when they are sent.
package enum StateReplay {
    /// The whole ticket with every comment, in as many requests as the limits ask for; none if it is not shared any more.
    ///
    /// The first is a POST where the partner is not known to hold the ticket and may be sent it, and for our desk and a
    /// sandbox, of which that is never known; a PUT elsewhere. Tags and custom fields that the agreement does not allow now
    /// are left out, but for our desk, and so are comments that are erased. Throws
    /// ``FoldFault`` where a message of the share cannot be folded, as an older state would take the partner back, and
    /// ``PartFault`` where that is because its bytes are not those that were recorded, and ``ChainGap`` where events of the
    /// share are gone.
    package static func messages(
        agreement: AgreementID,
        ticket: TicketID,
        to destination: Destination.Kind,
        limits: Ticket.StateMessageLimits = Ticket.StateMessageLimits(),
        in session: inout PostgresSession,
    ) throws -> [StateMessage] {
        try session.transaction(.snapshot) { session in
            guard let record = try AgreementReader.all(where: "a.agreement = \(agreement.text)", in: &session).first,
                let share = try Reconstructor.share(agreement: agreement, ticket: ticket, in: &session)
            else { return [] }
            // Before anything is concluded from the ticket, as whether it is shared at all.
            if let fault = share.faults.first {
                if let damage = fault.damage { throw damage }
                if let gap = fault.gap { throw gap }
                throw fault
            }
            guard share.ticket.isShared else { return [] }
            let isShare =
                try destination != .partner
                || (record.ourRole == .sender && !isHeld(ticket, of: record.stream, in: &session))
            return share.state.sendable.stateMessages(
                isShare: isShare,
                limits: limits,
                under: destination == .desk ? .all : record.agreement.permissions,
            )
        }
    }

    /// Whether the partner holds the ticket: the newest message that it wrote or acknowledged is not the end of the share.
    private static func isHeld(
        _ ticket: TicketID,
        of stream: Position,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Bool {
        let rows = try session.query(
            """
            SELECT e.type <> 'ticket.unshared'
            FROM ledger.share AS sh
            JOIN ledger.event AS e ON e.share_id = sh.share_id
            WHERE sh.stream_id = \(stream)
                AND sh.ticket = \(ticket.text)
                AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
                AND (
                    e.direction = 'in'
                    OR EXISTS (
                        SELECT
                        FROM ledger.event AS a
                        WHERE a.about = e.event_id
                            AND a.type = 'attempt.succeeded'
                            AND a.direction = 'out'
                    )
                )
            ORDER BY e.share_seq DESC
            LIMIT 1
            """
        )
        return try rows.first?[0, as: Bool.self] ?? false
    }
}

extension TicketState {
    /// The ticket without comments of which only the name is left: sent, they would stand empty at the partner for ever.
    fileprivate var sendable: Ticket {
        guard !erasedComments.isEmpty else { return ticket }
        return Ticket(
            id: ticket.id,
            isShared: ticket.isShared,
            subject: ticket.subject,
            requestedAt: ticket.requestedAt,
            status: ticket.status,
            requester: ticket.requester,
            comments: ticket.comments.filter { !erasedComments.contains($0.id) },
            currentActor: ticket.currentActor,
            tags: ticket.tags,
            originalID: ticket.originalID,
            customFields: ticket.customFields,
            customStatus: ticket.customStatus,
            unknownMembers: ticket.unknownMembers,
        )
    }
}
