import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// What an attempt is of: enough to record it, without the bytes that are sent.
struct AttemptSubject: Sendable {
    let delivery: DeliveryID

    /// The right to work on the delivery: whoever has lost it may record what happened, but not change the queue.
    let claim: EventID

    let agreement: AgreementID
    let ticket: String?
    let destination: Destination

    /// The other end of the agreement, also where the desk is the destination.
    let partner: Position
    let partnerName: String

    /// The message that is delivered.
    let message: Position
    let messageID: EventID
    let direction: Direction

    let replay: Position?

    var stream: StreamName {
        .agreement(agreement.text)
    }

    /// What of the state is read to decide about an attempt: the ends of the chains, the delivery, and its destination,
    /// also where the delivery is gone meanwhile.
    var keys: StateKeys {
        var keys = StateKeys()
        keys.streams = [stream]
        keys.shares = ticket.map { [ShareName(stream: stream, ticket: $0)] } ?? []
        keys.deliveries = [delivery]
        keys.destinations = [destination]
        return keys
    }
}
