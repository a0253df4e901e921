import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// All that a plan is made of, as one snapshot of the database shows it.
struct ReplayMaterial: Sendable {
    /// The position after the last event.
    var end = Position.first

    var partners: [Position: PartnerRecord] = [:]

    /// The agreements in the scope, oldest first.
    var agreements: [AgreementRecord] = []

    /// Lanes that a message was selected in, or whose state is, in the order in which they were found.
    var lanes: [LaneMaterial] = []

    /// Whether the limit was reached before all was read.
    var isCut = false
}

/// A lane to a partner, and what was selected in it.
struct LaneMaterial: Sendable {
    let lane: ShareLane
    let agreement: AgreementID

    /// `nil` for the lane of the agreement's own messages.
    let ticket: TicketID?

    /// Accepted messages to the partner that are in the range, in order; empty in mode state.
    var messages: [SelectedMessage] = []

    /// The newest accepted message in either direction; `nil` where it is not known, as for an agreement's own.
    var newest: NewestMessage?

    /// Of the members whose value is the partner's now, the one that we said last; of the ticket's own, not of comments.
    var partnersChange: PartnersChange?

    /// The oldest and the newest accepted message to the partner, in the range or not.
    var oldestOutbound: Position?
    var newestOutbound: Position?

    /// Whether the ticket is shared now.
    var isShared = true

    /// A message that could not be folded.
    var unfolded: Position?

    /// Events of the share that are gone.
    var gap: ChainGap?

    /// What waits in the lane; the deliveries themselves only where the first of them is parked.
    var waitingCount = 0
    var parked: [QueuedDelivery] = []

    init(lane: ShareLane, agreement: AgreementID, ticket: TicketID?) {
        self.lane = lane
        self.agreement = agreement
        self.ticket = ticket
    }
}

/// A message as far as a plan needs it.
struct SelectedMessage: Sendable, Equatable {
    let position: Position
    let event: EventID

    /// Whether the partner has answered it with success.
    let isAcknowledged: Bool

    /// Whether its body is erased.
    var isErased = false

    /// What is wrong with its facts, or with the body that would be sent.
    var damage: PartFault?

    /// The version of the access key that stands in it.
    let keyVersion: Int?
}

/// A member of a ticket that the partner has changed after our last word about it.
struct PartnersChange: Sendable, Equatable {
    let ours: Position
    let theirs: Position
}

/// The newest accepted message of a share.
struct NewestMessage: Sendable, Equatable {
    let position: Position
    let event: EventID
    let direction: Direction
}
