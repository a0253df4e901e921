package import Ledger

/// Asks, under the ledger's lock, what has happened in some streams since they were looked at without it.
///
/// What takes long to look at is looked at before; whoever decides by it asks this, and looks again if that is not enough.
package struct LedgerWatch: Sendable, Hashable {
    /// How many changes are found at most.
    package static let limit = 1000

    /// What counts as a change: accepted messages, and deliveries that come to stand still or go on.
    package static let types: [EventType] = [
        .agreementInvited, .agreementUpdated, .ticketShared, .ticketUpdated, .ticketUnshared,
        .deliveryParked, .deliveryResumed, .deliverySkipped, .deliveryAbandoned,
    ]

    /// The position after the last event that was seen.
    package let since: Position

    package let streams: [Position]

    /// Where only some shares of them matter, beside the agreements' own messages.
    package let shares: Set<Position>?

    package init(since: Position, streams: [Position], shares: Set<Position>?) {
        self.since = since
        self.streams = streams
        self.shares = shares
    }

    func sees(_ event: SequencedEvent) -> Bool {
        Self.types.contains(event.leaf.type) && streams.contains(event.stream)
            && (event.share.flatMap { shares?.contains($0) } ?? true)
    }
}

/// An accepted message, or a delivery that came to stand still or went on, found by a ``LedgerWatch``.
package struct WatchedChange: Sendable, Equatable {
    package let position: Position
    package let event: EventID
    package let type: EventType
    package let direction: Direction?
    package let stream: Position
    package let share: Position?

    package init(
        position: Position,
        event: EventID,
        type: EventType,
        direction: Direction?,
        stream: Position,
        share: Position?,
    ) {
        self.position = position
        self.event = event
        self.type = type
        self.direction = direction
        self.stream = stream
        self.share = share
    }
}

extension WatchedChange {
    init(_ event: SequencedEvent) {
        self.init(
            position: event.position,
            event: event.leaf.event,
            type: event.leaf.type,
            direction: event.leaf.direction,
            stream: event.stream,
            share: event.share,
        )
    }
}
