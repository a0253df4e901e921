package import Cryptography
package import Ledger
package import Sharing
package import TicketSharing

/// What of the state a decision reads, to be loaded before it is made.
package struct StateKeys: Sendable {
    package var agreements: Set<AgreementID> = []

    /// Streams that only get further events, whatever the agreement says.
    package var streams: Set<StreamName> = []

    package var shares: Set<ShareName> = []

    /// What is said of shares of which more than the head is needed where their agreement does not allow everything.
    var said: [ShareName: [TicketMessage]] = [:]

    /// Agreements that may come to allow something else meanwhile.
    var changedAgreements: Set<AgreementID> = []

    package var idempotencyDigests: Set<Digest> = []
    package var deliveries: Set<DeliveryID> = []
    package var replays: Set<Position> = []
    package var destinations: Set<Destination> = []

    package var watches: Set<LedgerWatch> = []

    /// Whether the decision may take an invitation from outside.
    package var needsPendingInvitations = false

    package init() {}

    /// What deciding about a request needs.
    package init(of capture: Capture) {
        if let agreement = capture.agreement { agreements = [agreement] }
        if let share = capture.share { shares = [share] }
        if let key = capture.idempotencyKey { idempotencyDigests = [key.digest] }
        needsPendingInvitations = capture.direction == .inbound && capture.method == "POST" && capture.share == nil
        switch capture.content {
        case .ticket(let message):
            if let share = capture.share, message.saysWhatMayBeLimited { said = [share: [message]] }
        case .agreement(let message): changedAgreements = [message.id]
        case .none: break
        }
    }

    /// An agreement's own state and stream.
    package init(agreement: AgreementID) {
        agreements = [agreement]
    }

    /// A share with its agreement.
    package init(agreement: AgreementID, share: ShareName) {
        agreements = [agreement]
        shares = [share]
    }

    package mutating func formUnion(_ other: StateKeys) {
        agreements.formUnion(other.agreements)
        streams.formUnion(other.streams)
        shares.formUnion(other.shares)
        said.merge(other.said) { $0 + $1 }
        changedAgreements.formUnion(other.changedAgreements)
        idempotencyDigests.formUnion(other.idempotencyDigests)
        deliveries.formUnion(other.deliveries)
        replays.formUnion(other.replays)
        destinations.formUnion(other.destinations)
        watches.formUnion(other.watches)
        needsPendingInvitations = needsPendingInvitations || other.needsPendingInvitations
    }
}
