package import Ledger
package import TicketSharing

/// What an operator asks to have sent again.
package struct ReplayRequest: Sendable, Equatable {
    /// Whose messages.
    package let scope: Scope

    /// The first moment whose messages count; `nil` from the beginning on.
    package let from: Edge?

    /// The first moment whose messages do not count any more; `nil` up to the newest.
    package let to: Edge?

    package let mode: Mode

    /// Which of the messages in the range.
    package let filter: Filter

    package let target: ReplayTarget

    /// Whether shares whose newest message is outside the range get their present state at the end; in mode messages.
    package let endsWithState: Bool

    /// Deliveries a second at most; `nil` for as many as the partner's limits allow.
    package let rate: Int?

    package init(
        _ scope: Scope,
        from: Edge? = nil,
        to: Edge? = nil,
        mode: Mode = .messages,
        filter: Filter = Filter(),
        target: ReplayTarget = .partner,
        endsWithState: Bool = false,
        rate: Int? = nil,
    ) {
        self.scope = scope
        self.from = from
        self.to = to
        self.mode = mode
        self.filter = filter
        self.target = target
        self.endsWithState = endsWithState
        self.rate = rate
    }

    /// What is selected from.
    package enum Scope: Sendable, Equatable {
        /// One ticket under one agreement; the agreement's own messages are not part of it.
        case share(AgreementID, TicketID)
        /// An agreement's own messages and those of all its tickets.
        case agreement(AgreementID)
        /// All agreements with a partner, which is given by its name.
        case partner(String)
    }

    /// Which messages of a range are sent again, and in mode state which have their ticket's state sent.
    package struct Filter: Sendable, Equatable {
        /// Whose messages; `nil` for those that the target needs, as ``ReplayTarget`` says, and in mode state for all.
        package let directions: Set<Direction>?

        /// `nil` for all that change state.
        package let types: Set<EventType>?

        package let extent: Extent

        package init(directions: Set<Direction>? = nil, types: Set<EventType>? = nil, extent: Extent = .all) {
            self.directions = directions
            self.types = types
            self.extent = extent
        }

        /// How what the target has acknowledged counts; what it has said itself counts as acknowledged.
        package enum Extent: String, Sendable, CaseIterable {
            case all
            /// Only what it has not acknowledged.
            case unacknowledged
            /// In each share, and among an agreement's own messages, what came after the last one that it has acknowledged.
            case sinceLastSuccess = "since-last-success"
        }
    }

    /// The directions of the messages that are sent.
    var directions: Set<Direction> {
        filter.directions ?? target.standardDirections
    }

    /// A place in the ledger.
    package enum Edge: Sendable, Equatable {
        case time(Timestamp)
        case position(Position)
    }

    /// What is sent; the raw value stands in `delivery.replay`.
    package enum Mode: String, Sendable, CaseIterable {
        /// The original bytes of every message, in order.
        case messages
        /// The ticket as it stands when it is sent, with all its comments.
        case state
    }
}

/// What was asked for names nothing that is there.
package struct UnknownReplayScope: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}
