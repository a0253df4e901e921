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

    /// Whether shares whose newest message is outside the range get their present state at the end; in mode messages.
    package let endsWithState: Bool

    /// Deliveries a second at most; `nil` for as many as the partner's limits allow.
    package let rate: Int?

    package init(
        _ scope: Scope,
        from: Edge? = nil,
        to: Edge? = nil,
        mode: Mode = .messages,
        endsWithState: Bool = false,
        rate: Int? = nil,
    ) {
        self.scope = scope
        self.from = from
        self.to = to
        self.mode = mode
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
