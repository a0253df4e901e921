import JSON
package import Ledger
package import LedgerStore
import Sharing
package import TicketSharing

/// An agreement as its messages make it, with what is known beside them.
package struct AgreementState: Sendable, Equatable {
    /// The agreement; a URL that is erased reads ``erasedURL``, an erased name is absent.
    package private(set) var agreement: Agreement

    /// The side that our own help desk is on.
    package let ourRole: AgreementRole

    /// Position of the partner's `partner.added` event; `nil` where the invitation does not say.
    package let partner: Position?

    /// The address that a partner's invitation came from; `nil` for our own, and where it is erased.
    package let invitedFrom: String?

    /// The current version of the access key, and the one that the other side last acknowledged.
    package private(set) var keyVersion: Int?
    package private(set) var acknowledgedKeyVersion: Int?

    /// Members whose last value was said and is erased.
    package private(set) var erasedMembers: Set<AgreementMember>

    /// The first and the last message of the agreement itself, and what the last was answered with.
    package let first: Receipt
    package private(set) var last: Receipt
    package private(set) var lastStatus: Int

    /// What an erased URL reads: an agreement without URLs cannot be written down, and this one leads nowhere (RFC 2606).
    package static let erasedURL = "https://erased.invalid"
}

// MARK: - Folding

extension AgreementState {
    /// An agreement as its invitation proposes it.
    ///
    /// - Parameter keys: Restores a body of which the credentials that were cut out left no message behind.
    package init(
        _ event: StoredEvent,
        _ parts: [PartName: StoredPart],
        id: AgreementID,
        keys: KeyRing?,
    ) throws(FoldFault) {
        let facts = try EventFacts(parts[.facts]?.content, format: event.format, of: event.position)
        let said = try AgreementContent(event, parts, facts, id: id, keys: keys)
        let status = try Self.status(facts, of: event.position)
        do throws(BaseURLFault) {
            let nowhere = try BaseURL(Self.erasedURL)
            agreement = Agreement(
                id: id,
                name: said.message?.name,
                senderURL: said.message?.senderURL ?? nowhere,
                receiverURL: said.message?.receiverURL ?? nowhere,
                status: status,
                deactivatedBy: facts.deactivatedBy,
                permissions: facts.permissions,
            )
        } catch {
            preconditionFailure("the URL of what is erased is one")
        }
        ourRole = event.direction == .outbound ? .sender : .receiver
        partner = facts.partner
        invitedFrom = event.direction == .inbound ? Detail(parts[.detail])["source"] : nil
        keyVersion = facts.accessKeyVersion
        acknowledgedKeyVersion = event.direction == .inbound ? facts.accessKeyVersion : nil
        erasedMembers = said.erasedMembers
        first = event.receipt
        last = event.receipt
        lastStatus = event.status ?? 0
    }

    /// Takes a change in.
    package mutating func apply(
        _ event: StoredEvent,
        _ parts: [PartName: StoredPart],
        keys: KeyRing?,
    ) throws(FoldFault) {
        let facts = try EventFacts(parts[.facts]?.content, format: event.format, of: event.position)
        let said = try AgreementContent(event, parts, facts, id: agreement.id, keys: keys)
        let status = try Self.status(facts, of: event.position)
        // Of its partner's URL a side can only repeat what is known, and of the other members only the sender says more.
        let own = facts.sender == .sender ? said.message?.senderURL : said.message?.receiverURL
        let url = own.flatMap { $0 == agreement.url(of: facts.sender) ? nil : $0 }
        agreement = Agreement(
            id: agreement.id,
            name: said.message?.name ?? (said.erasedMembers.contains(.name) ? nil : agreement.name),
            senderURL: facts.sender == .sender ? url ?? agreement.senderURL : agreement.senderURL,
            receiverURL: facts.sender == .receiver ? url ?? agreement.receiverURL : agreement.receiverURL,
            status: status,
            deactivatedBy: facts.deactivatedBy,
            permissions: facts.permissions,
        )
        // A partner that uses the current key knows it, whatever became of the message that brought it.
        if event.direction == .inbound, let version = facts.tokenVersion, version == keyVersion {
            acknowledge(keyVersion: version)
        }
        if let version = facts.accessKeyVersion {
            keyVersion = version
            if event.direction == .inbound { acknowledgedKeyVersion = version }
        }
        erasedMembers.subtract(said.message?.saidMembers ?? [])
        erasedMembers.formUnion(said.erasedMembers)
        last = event.receipt
        lastStatus = event.status ?? lastStatus
    }

    /// Notes that the partner has answered a message that brought a version of the key.
    mutating func acknowledge(keyVersion version: Int) {
        acknowledgedKeyVersion = max(version, acknowledgedKeyVersion ?? 0)
    }

    private static func status(_ facts: EventFacts, of position: Position) throws(FoldFault) -> Agreement.Status {
        guard let status = facts.status.flatMap({ Agreement.Status(rawValue: $0) }) else {
            throw FoldFault(position: position, reason: "its facts do not say how the agreement stood after it")
        }
        return status
    }
}
