import JSON
import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// What a message says of an agreement, as the partner has it: as sent on where that differs from what our desk wrote.
struct AgreementContent {
    /// `nil` where the body is erased, or cannot be read since the credentials were cut out of it.
    let message: AgreementMessage?

    /// Members that were said and are known from neither body nor facts.
    let erasedMembers: Set<AgreementMember>

    init(
        _ event: StoredEvent,
        _ parts: [PartName: StoredPart],
        _ facts: EventFacts,
        id: AgreementID,
        keys: KeyRing?,
    ) throws(FoldFault) {
        let name: PartName = event.parts.contains { $0.name == .sentBody } ? .sentBody : .body
        message = try parts[name].flatMap { (part) throws(FoldFault) in
            if let message = Self.message(part.content, id) { return message }
            guard let sealed = part.sealedSplices else {
                throw FoldFault(position: event.position, reason: "its body is no agreement message")
            }
            guard let keys, let exchange = event.exchange else { return nil }
            let context = Splice.context(exchange: exchange, part: name)
            // Another key file than the one it was sealed with is as good as none.
            guard let opened = try? keys.open(sealed, context: context), let splices = [Splice](encoded: opened),
                let whole = CredentialCutter.restore(part.content, splices)
            else { return nil }
            return Self.message(whole, id)
        }
        let said = Set(message?.saidMembers ?? [])
        let names = facts.setNames
        let set = AgreementMember.allCases.filter { $0.isKnownFromBodyOnly && names.contains($0.name) }
        erasedMembers = Set(set).subtracting(said)
    }

    private static func message(_ bytes: [UInt8], _ id: AgreementID) -> AgreementMessage? {
        guard let document = JSONDocument(stored: bytes) else { return nil }
        do throws(ProtocolFault) {
            return try AgreementMessage(document, id: id)
        } catch {
            return nil
        }
    }
}

extension AgreementMember {
    fileprivate var isKnownFromBodyOnly: Bool {
        switch self {
        case .name, .senderURL, .receiverURL: true
        case .uuid, .accessKey, .status, .deactivatedBy, .currentActor: false
        case .syncTags, .syncCustomFields, .allowsPublicComments: false
        }
    }
}

/// The part `detail`: texts by name; nothing where it is erased.
struct Detail {
    private let root: JSONValue?

    init(_ part: StoredPart?) {
        root = part.flatMap { JSONDocument(stored: $0.content) }?.root
    }

    subscript(name: String) -> String? {
        root?.member(name)?.string
    }
}
