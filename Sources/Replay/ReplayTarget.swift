import Ledger
package import Sharing
package import TicketSharing

/// Where a replay goes.
package enum ReplayTarget: Sendable, Equatable {
    /// The partner of each agreement.
    case partner
    /// Our own help desk, as after it has lost its data.
    case desk
    /// A URL that the operator names for this replay alone; no credential ever goes there.
    case sandbox(Sandbox)

    package struct Sandbox: Sendable, Equatable {
        package let url: BaseURL
        package let allowsHTTP: Bool
        package let allowsPrivateAddress: Bool

        package init(_ url: BaseURL, allowsHTTP: Bool = false, allowsPrivateAddress: Bool = false) {
            self.url = url
            self.allowsHTTP = allowsHTTP
            self.allowsPrivateAddress = allowsPrivateAddress
        }
    }

    package var kind: Destination.Kind {
        switch self {
        case .partner: .partner
        case .desk: .desk
        case .sandbox: .sandbox
        }
    }

    /// The messages that go there without a replay; a sandbox stands for a partner.
    var ownDirection: Direction {
        switch self {
        case .partner, .sandbox: .outbound
        case .desk: .inbound
        }
    }

    /// The messages of a replay that does not say which.
    ///
    /// A partner has its own; a desk that has lost its data needs what it had said itself as well.
    var standardDirections: Set<Direction> {
        switch self {
        case .partner, .sandbox: [.outbound]
        case .desk: [.inbound, .outbound]
        }
    }

    /// Of an agreement with this partner.
    func destination(_ partner: Position) -> Destination {
        switch self {
        case .partner: .partner(partner)
        case .desk: .desk
        // It is known by the replay's position, which is not known before the replay is on record.
        case .sandbox: .sandbox(Position(rawValue: .max))
        }
    }
}
