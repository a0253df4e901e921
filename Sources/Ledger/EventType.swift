/// What an event records. The raw value stands in the leaf and in `ledger.event.type`.
package enum EventType: String, Sendable, Hashable, CaseIterable {
    case agreementInvited = "agreement.invited"
    case agreementUpdated = "agreement.updated"
    case agreementRead = "agreement.read"
    case ticketShared = "ticket.shared"
    case ticketUpdated = "ticket.updated"
    case ticketUnshared = "ticket.unshared"
    case ticketRead = "ticket.read"
    case messageRefused = "message.refused"
    case messageDuplicated = "message.duplicated"
    case attemptBegun = "attempt.begun"
    case attemptSucceeded = "attempt.succeeded"
    case attemptFailed = "attempt.failed"
    case attemptUnknown = "attempt.unknown"
    case deliveryParked = "delivery.parked"
    case deliveryResumed = "delivery.resumed"
    case deliverySkipped = "delivery.skipped"
    case deliveryAbandoned = "delivery.abandoned"
    case partnerAdded = "partner.added"
    case partnerChanged = "partner.changed"
    case partnerStateChanged = "partner.state_changed"
    case replayRequested = "replay.requested"
    case replayPaused = "replay.paused"
    case replayResumed = "replay.resumed"
    case replayCancelled = "replay.cancelled"
    case replayFinished = "replay.finished"
    case payloadRead = "payload.read"
    case payloadErased = "payload.erased"
    case holdPlaced = "hold.placed"
    case holdReleased = "hold.released"
    case ledgerExported = "ledger.exported"
    case evidenceExported = "evidence.exported"
    case anchorRecorded = "anchor.recorded"
    case keyRotated = "key.rotated"
    case clockStepped = "clock.stepped"
    case epochOpened = "epoch.opened"

    /// Whether events of this type change the state of an agreement or a ticket when they are folded.
    package var changesState: Bool {
        switch self {
        case .agreementInvited, .agreementUpdated, .ticketShared, .ticketUpdated, .ticketUnshared: true
        default: false
        }
    }
}

/// Which way a message went, seen from our own help desk.
package enum Direction: String, Sendable, Hashable, CaseIterable {
    /// From a partner.
    case inbound = "in"
    /// To a partner.
    case outbound = "out"
}
