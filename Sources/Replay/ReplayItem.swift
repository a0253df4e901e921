package import Ledger
package import Sharing

/// One delivery of a replay: a message that is sent again, or a ticket's state.
package struct ReplayItem: Sendable, Equatable {
    package let lane: ShareLane

    /// The message; for a state the newest of the share.
    package let position: Position
    package let event: EventID

    package let kind: Kind

    /// What is sent; the raw value stands in `delivery.queue`.
    package enum Kind: String, Sendable {
        /// The stored bytes.
        case message
        /// The ticket as it stands when it is sent.
        case state
    }
}

/// A delivery that is in the queue already.
struct QueuedDelivery: Sendable, Equatable {
    let id: Int64
    let message: Position
    let messageID: EventID
    let direction: Direction
    let kind: ReplayItem.Kind
    let isParked: Bool

    /// The replay that it is of.
    let replay: Position?
}

/// A delivery that stands still, or stands behind one that does, and that a replay takes the place of.
struct ReplacedDelivery: Sendable, Equatable {
    let lane: ShareLane

    /// The other end of the agreement.
    let partner: Position?

    let stream: StreamName
    let ticket: String?
    let delivery: QueuedDelivery
}
