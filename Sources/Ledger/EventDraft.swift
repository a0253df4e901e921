/// An event that is decided but has no place in the ledger yet: the appender numbers, dates and chains it.
package struct EventDraft: Sendable {
    package var type: EventType
    package var direction: Direction?
    package var stream: StreamName
    package var ticket: String?
    package var about: EventID?
    package var exchange: EventID?
    package var attempt: Int?
    package var status: Int?
    package var parts: [Part]

    /// Whether the JSON of the part `body` can be held by PostgreSQL's `jsonb`; `nil` without such a part.
    package var castableBody: Bool?

    package init(
        _ type: EventType,
        direction: Direction? = nil,
        stream: StreamName,
        ticket: String? = nil,
        about: EventID? = nil,
        exchange: EventID? = nil,
        attempt: Int? = nil,
        status: Int? = nil,
        parts: [Part],
        castableBody: Bool? = nil,
    ) {
        precondition(!parts.isEmpty, "every event has at least one part")
        self.type = type
        self.direction = direction
        self.stream = stream
        self.ticket = ticket
        self.about = about
        self.exchange = exchange
        self.attempt = attempt
        self.status = status
        self.parts = parts
        self.castableBody = castableBody
    }
}

/// An event's place in the ledger, as callers are told it.
package struct Receipt: Sendable, Hashable {
    package let position: Position
    package let event: EventID
    package let recorded: Timestamp

    package init(position: Position, event: EventID, recorded: Timestamp) {
        self.position = position
        self.event = event
        self.recorded = recorded
    }
}
