package import Ledger
package import Sharing
package import TicketSharing

/// Makes the requests that bring a destination to the state of a share; called when they are about to be sent.
///
/// A thrown ``PartFault`` or ``ChainGap`` has the delivery parked, as what is damaged stays so; any other has it tried again
/// a minute later.
package typealias StateMessageSource = @Sendable (StateDelivery) async throws -> [StateMessage]

/// A replayed state that is about to be sent.
package struct StateDelivery: Sendable {
    package let agreement: AgreementID
    package let ticket: TicketID
    package let destination: Destination

    /// The agreement's stream, and the share.
    package let stream: Position
    package let share: Position

    /// The message whose share it is of, as the replay named it.
    package let message: Position

    /// Position of the `replay.requested` event.
    package let replay: Position?

    init(_ delivery: ClaimedDelivery) throws(Unsendable) {
        guard let share = delivery.share, let ticket = delivery.subject.ticket.flatMap({ TicketID($0) }) else {
            throw .forGood("only a ticket's state can be sent again")
        }
        agreement = delivery.subject.agreement
        self.ticket = ticket
        destination = delivery.subject.destination
        stream = delivery.stream
        self.share = share
        message = delivery.subject.message
        replay = delivery.subject.replay
    }
}
