package import Ledger

/// Where a message is delivered.
package enum Destination: Sendable, Hashable {
    /// A partner, by the position of its `partner.added` event.
    case partner(Position)
    /// Our own help desk.
    case desk
    /// A URL that an operator has named for one replay, by the position of its `replay.requested` event.
    case sandbox(Position)

    /// As it stands in `delivery.queue.partner_id`: a partner's position, 0 for the desk, less for a sandbox.
    package var rawValue: Int64 {
        switch self {
        case .partner(let id): id.rawValue
        case .desk: Destination.deskValue
        case .sandbox(let replay): -replay.rawValue
        }
    }

    package init(rawValue: Int64) {
        switch rawValue {
        case Destination.deskValue: self = .desk
        case ..<Destination.deskValue: self = .sandbox(Position(rawValue: -rawValue))
        default: self = .partner(Position(rawValue: rawValue))
        }
    }

    /// What goes there, as the events of its attempts say.
    package var direction: Direction? { kind.direction }

    /// Without saying which; as it stands in facts, in views and in `delivery.replay`.
    package var kind: Kind {
        switch self {
        case .partner: .partner
        case .desk: .desk
        case .sandbox: .sandbox
        }
    }

    package enum Kind: String, Sendable, CaseIterable {
        case partner
        case desk
        case sandbox

        /// What goes there, as the events of its attempts say: a sandbox stands for neither side.
        package var direction: Direction? {
            switch self {
            case .partner: .outbound
            case .desk: .inbound
            case .sandbox: nil
            }
        }
    }

    /// No partner: position 0 is the event that opened the first epoch.
    private static let deskValue: Int64 = 0
}

/// The deliveries of one share, or of one agreement's own messages, to one destination, in order.
package struct ShareLane: Sendable, Hashable {
    package let destination: Destination
    package let stream: Position
    package let share: Position?

    package init(destination: Destination, stream: Position, share: Position?) {
        self.destination = destination
        self.stream = stream
        self.share = share
    }
}

/// A message that is to be delivered, enqueued with the event that it is.
package struct NewDelivery: Sendable {
    package let lane: ShareLane
    package let message: Receipt

    package init(lane: ShareLane, message: Receipt) {
        self.lane = lane
        self.message = message
    }
}

/// An access key that an event brought.
package struct NewAccessKey: Sendable {
    package let stream: Position
    package let position: Position
    package let version: AgreementRecord.KeyVersion
    package let sealed: [UInt8]

    package init(stream: Position, position: Position, version: AgreementRecord.KeyVersion, sealed: [UInt8]) {
        self.stream = stream
        self.position = position
        self.version = version
        self.sealed = sealed
    }
}

/// How many invitations are waiting for an operator, in all and by source, as ``SourceNetwork`` tells sources apart.
package struct PendingInvitations: Sendable, Equatable {
    package static let limit = 100
    package static let limitPerSource = 10

    private var total: Int
    private var bySource: [String: Int]

    package init(total: Int = 0, bySource: [String: Int] = [:]) {
        self.total = total
        self.bySource = Dictionary(bySource.map { (SourceNetwork.of($0.key), $0.value) }, uniquingKeysWith: +)
    }

    /// Whether one more from this source is taken.
    package func hasRoom(for source: String) -> Bool {
        total < Self.limit && bySource[SourceNetwork.of(source), default: 0] < Self.limitPerSource
    }

    package mutating func add(_ source: String) {
        total += 1
        bySource[SourceNetwork.of(source), default: 0] += 1
    }
}
