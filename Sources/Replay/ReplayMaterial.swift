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

    /// Whether there is a URL of our desk.
    var hasDesk = false
}

/// A lane, and what was selected in it.
struct LaneMaterial: Sendable {
    let lane: ShareLane
    let agreement: AgreementID

    /// `nil` for the lane of the agreement's own messages.
    let ticket: TicketID?

    /// Accepted messages that are selected, in order; empty in mode state.
    private(set) var messages: [SelectedMessage] = []

    /// The first message of the directions and the range that is left out behind one that is selected.
    private(set) var leftOut: Position?

    /// The newest accepted message in either direction; `nil` where it is not known, as for an agreement's own.
    var newest: NewestMessage?

    /// Of the members whose value is the other side's now, the one that was sent last; of the ticket's own, not of comments.
    var otherChange: OtherChange?

    /// Of an agreement's own messages the newest update that says its status and is not of the directions that are sent.
    var otherStatus: Position?

    /// The oldest and the newest accepted message of the directions that are sent, in the range or not.
    var oldest: Position?
    var newestSent: Position?

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

    /// Takes in the next message of the range.
    mutating func take(_ message: SelectedMessage, isOfType: Bool, extent: ReplayRequest.Filter.Extent) {
        switch extent {
        case .all: take(message, isOfType)
        case .unacknowledged: take(message, isOfType && !message.isAcknowledged)
        case .sinceLastSuccess:
            guard message.isAnswered else { return take(message, isOfType) }
            messages = []
            leftOut = nil
        }
    }

    /// The first selected message that was given up, and the one after it that the target has, or gets before it.
    ///
    /// The target may take what it has already for a repeat, so that the older one would be the last that it takes.
    var revived: (old: Position, new: Position)? {
        // What is in a lane that stands still does not go first: the replay takes its place.
        func isKnown(_ message: SelectedMessage) -> Bool {
            message.isAnswered || (message.isQueued && parked.isEmpty)
        }
        // Of an agreement's own messages the status is what must not be an old one.
        func matters(_ message: SelectedMessage) -> Bool { ticket != nil || message.setsStatus }
        guard let old = messages.first(where: { matters($0) && !isKnown($0) && !$0.isOfTarget }),
            let new = messages.first(where: { matters($0) && $0.position > old.position && isKnown($0) })
        else { return nil }
        return (old.position, new.position)
    }

    private mutating func take(_ message: SelectedMessage, _ isSelected: Bool) {
        if isSelected {
            messages.append(message)
        } else if !messages.isEmpty, leftOut == nil {
            leftOut = message.position
        }
    }
}

/// A message as far as a plan needs it.
struct SelectedMessage: Sendable, Equatable {
    let position: Position
    let event: EventID

    let direction: Direction

    /// Whether the target has answered it with success.
    let isAnswered: Bool

    /// Whether that is so, or the target has said it itself.
    let isAcknowledged: Bool

    /// Whether a delivery of it to the target waits in the queue.
    let isQueued: Bool

    /// Whether the target has said it itself.
    var isOfTarget: Bool { isAcknowledged && !isAnswered }

    /// Whether it is an update of an agreement that says its status.
    var setsStatus = false

    /// Whether its body is erased.
    var isErased = false

    /// What is wrong with its facts, or with the body that would be sent.
    var damage: PartFault?

    /// The version of the access key that stands in it.
    let keyVersion: Int?
}

/// A member of a ticket that the other side has changed after what is sent had last set it.
struct OtherChange: Sendable, Equatable {
    let sent: Position
    let other: Position
}

/// The newest accepted message of a share.
struct NewestMessage: Sendable, Equatable {
    let position: Position
    let event: EventID
    let direction: Direction
}
