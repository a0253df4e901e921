package import Cryptography
package import Ledger
package import TicketSharing

/// An agreement as it stands, with what is needed to decide about its next message.
package struct AgreementRecord: Sendable, Equatable {
    /// Position of the first event of the agreement's stream.
    package let stream: Position

    package let partner: Position

    /// The side that our own help desk is on.
    package let ourRole: AgreementRole

    package var agreement: Agreement

    /// The current access key, and the one that the other side last acknowledged.
    package var key: KeyVersion?
    package var acknowledgedKey: KeyVersion?

    /// The address that a partner's invitation came from.
    package let invitedFrom: String?

    package let firstPosition: Position
    package var last: LastMessage

    package init(
        stream: Position,
        partner: Position,
        ourRole: AgreementRole,
        agreement: Agreement,
        key: KeyVersion?,
        acknowledgedKey: KeyVersion?,
        invitedFrom: String?,
        firstPosition: Position,
        last: LastMessage,
    ) {
        self.stream = stream
        self.partner = partner
        self.ourRole = ourRole
        self.agreement = agreement
        self.key = key
        self.acknowledgedKey = acknowledgedKey
        self.invitedFrom = invitedFrom
        self.firstPosition = firstPosition
        self.last = last
    }

    /// One of the access keys that an agreement has had.
    package struct KeyVersion: Sendable, Equatable {
        /// 1 for the first.
        package let number: Int

        package let fingerprint: Digest

        package init(number: Int, fingerprint: Digest) {
            self.number = number
            self.fingerprint = fingerprint
        }
    }

    /// Whether no operator has accepted it: then whoever holds its token is a stranger.
    package var isUnproven: Bool {
        ourRole == .receiver && (agreement.status == .pending || agreement.status == .declined)
    }

    /// Whether it is an invitation that an operator has still to answer.
    package var isInvitationToUs: Bool {
        ourRole == .receiver && agreement.status == .pending
    }

    /// The side that a message of this direction comes from.
    package func role(sending direction: Direction) -> AgreementRole {
        direction == .outbound ? ourRole : ourRole.partner
    }

    /// Which key a fingerprint is of; keys that were replaced and acknowledged do not count any more.
    package func keyVersion(of fingerprint: Digest) -> Int? {
        // Both are compared whatever the first comparison says, so that the time taken tells nothing.
        let isCurrent = key?.fingerprint == fingerprint
        let isAcknowledged = acknowledgedKey?.fingerprint == fingerprint
        return isCurrent ? key?.number : isAcknowledged ? acknowledgedKey?.number : nil
    }
}

/// A share as it stands, as far as the next message needs it.
package struct TicketHead: Sendable, Equatable {
    /// Position of the share's first event.
    package let share: Position

    /// False once it was unshared: both sides keep what they have, and nothing more is taken.
    package var isShared: Bool

    package var status: String?
    package var last: LastMessage

    package init(share: Position, isShared: Bool, status: String?, last: LastMessage) {
        self.share = share
        self.isShared = isShared
        self.status = status
        self.last = last
    }
}

/// The last accepted message of a share, or of an agreement's own messages, in either direction.
package struct LastMessage: Sendable, Equatable {
    package let receipt: Receipt

    /// What it was answered with.
    package let status: Int

    /// See ``KeyRing/repeatDigest(method:path:body:)``.
    package let digest: Digest

    package init(receipt: Receipt, status: Int, digest: Digest) {
        self.receipt = receipt
        self.status = status
        self.digest = digest
    }
}

/// What an `Idempotency-Key` stands for.
package struct IdempotencyRecord: Sendable, Equatable {
    package let receipt: Receipt
    package let status: Int

    /// The digest of the request that came with the key first.
    package let requestDigest: Digest

    package init(receipt: Receipt, status: Int, requestDigest: Digest) {
        self.receipt = receipt
        self.status = status
        self.requestDigest = requestDigest
    }
}
