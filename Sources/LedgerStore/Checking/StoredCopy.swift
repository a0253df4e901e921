import JSON
import Ledger
import Sharing
import TicketSharing

/// What stands beside a part's bytes and no commitment covers: whether they can be cast, and what was cut out of them.
struct StoredCopy {
    let content: [UInt8]
    let isCastable: Bool?
    let sealedSplices: [UInt8]?

    /// Bodies that were read when they came in; of others nobody tried whether they are JSON.
    private static let readTypes: Set<EventType> = [
        .agreementInvited, .agreementUpdated, .ticketShared, .ticketUpdated,
    ]

    /// What is wrong with it as the part of an event.
    ///
    /// - Parameter keys: Of the ledger's key file; without them nobody can look into what was cut out.
    func faults(of part: PartName, in event: StoredEvent, keys: KeyRing?) -> [AuditFault] {
        let document = part == .body || part == .sentBody ? read() : nil
        var faults: [AuditFault] = []
        func add(_ what: String) {
            faults.append(AuditFault(PartPlace(event.position, part), what))
        }
        if !isRightCastable(part, event.type, document) {
            add("of the part \(part.rawValue) of event \(event.position) it is not said rightly whether it can be cast")
        }
        if let sealedSplices {
            if let keys, !fits(sealedSplices, part, event, keys) {
                add("what was cut out of the part \(part.rawValue) of event \(event.position) cannot be put back")
            }
        } else if let document, Self.readTypes.contains(event.type), Self.holdsPlaceholder(document) {
            add("what was cut out of the part \(part.rawValue) of event \(event.position) is gone")
        }
        return faults
    }

    /// The content as JSON; `nil` for what is none, which can neither be cast nor hold a member.
    private func read() -> JSONDocument? {
        try? JSONDocument(parsing: content, maximumDepth: RequestReader.Limits().depth)
    }

    /// A body that was refused may be said not to fit though what is kept of it would.
    private func isRightCastable(_ part: PartName, _ type: EventType, _ document: JSONDocument?) -> Bool {
        guard part == .body else { return isCastable == nil }
        guard let isCastable else { return false }
        let fits = document?.isCastableToJSONB ?? false
        return isCastable == fits || (!isCastable && !Self.readTypes.contains(type))
    }

    private func fits(_ sealed: [UInt8], _ part: PartName, _ event: StoredEvent, _ keys: KeyRing) -> Bool {
        guard let exchange = event.exchange,
            // Another key, another place and altered bytes are all the same here.
            let opened = try? keys.open(sealed, context: Splice.context(exchange: exchange, part: part)),
            let splices = [Splice](encoded: opened), !splices.isEmpty
        else { return false }
        return CredentialCutter.restore(content, splices) != nil
    }

    /// Whether an access key was cut out of an accepted message, which leaves a placeholder in its member.
    private static func holdsPlaceholder(_ document: JSONDocument) -> Bool {
        AgreementMessage.credentialRanges(in: document).contains { range in
            document.bytes[range].dropFirst().dropLast().elementsEqual(Splice.placeholder)
        }
    }
}
