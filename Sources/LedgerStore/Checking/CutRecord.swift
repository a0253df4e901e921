import Cryptography
import JSON
package import Ledger
import Sharing
import TicketSharing

/// What the facts of an event say was cut out of its parts, against which what is kept of that is held.
///
/// Splices are under no commitment, so that they can be changed and deleted without another word; the facts are.
package struct CutRecord: Sendable {
    /// Why a part cannot be made whole.
    package enum Fault: Error, Sendable {
        /// Not all of what was cut out is still there.
        case incomplete
        /// What was cut out cannot be decrypted.
        case sealed
        /// What was cut out did not stand in these bytes.
        case unfit
    }

    /// Credentials by part; `nil` for facts of earlier versions, or without one.
    private var counts: [PartName: Int]?

    /// Where a placeholder tells, for want of a count, that a credential was cut out.
    private var trace = Trace.none

    private enum Trace {
        case none
        /// As the value of a member that is always cut out.
        case member
        case anywhere
    }

    /// Nothing is known.
    package init() {}

    /// Reads the facts of an event, where they are what its leaf commits to.
    package init(of type: EventType, facts: [UInt8]?) {
        let isAgreement = type == .agreementInvited || type == .agreementUpdated
        // Of what was refused, and of what was sent, there may be bytes that were cut for good.
        if isAgreement || type == .ticketShared || type == .ticketUpdated { trace = .member }
        guard let facts, isAgreement || CredentialCutter.contains(Self.mark, in: facts),
            // Facts that are no JSON are not what was written, which others tell.
            let root = try? JSONDocument(parsing: facts).root
        else { return }
        if let splices = root.member("splices"), splices.kind == .object {
            counts = [:]
            for member in splices.members {
                guard let name = member.name.flatMap({ PartName(rawValue: $0) }) else { continue }
                counts?[name] = member.value.integer
            }
        } else if isAgreement, root.member("token_version") != nil || Self.saysKey(root) {
            trace = .anywhere
        }
    }

    /// Whether credentials were cut out of a part that has none kept beside it; needs no keys.
    package func lacks(_ part: StoredPart) -> Bool {
        guard part.sealedSplices == nil else { return false }
        if let counts { return counts[part.name, default: 0] > 0 }
        return switch trace {
        case .none: false
        case .member: !Self.cutMembers(of: part.content).isEmpty
        case .anywhere: CredentialCutter.contains(Splice.placeholder, in: part.content)
        }
    }

    /// The bytes as they were before credentials were cut out of them, and those credentials.
    ///
    /// - Parameter exchange: The event's, to which they are bound.
    package func restore(
        _ part: StoredPart,
        of exchange: EventID?,
        keys: KeyRing,
    ) throws(Fault) -> (bytes: [UInt8], secrets: [[UInt8]]) {
        guard let sealed = part.sealedSplices else {
            if lacks(part) { throw .incomplete }
            return (part.content, [])
        }
        guard let exchange else { throw .unfit }
        let opened: [UInt8]
        do throws(AESGCM.AuthenticationFailure) {
            opened = try keys.open(sealed, context: Splice.context(exchange: exchange, part: part.name))
        } catch {
            throw .sealed
        }
        guard let splices = [Splice](encoded: opened), let bytes = CredentialCutter.restore(part.content, splices)
        else { throw .unfit }
        guard isComplete(splices, part) else { throw .incomplete }
        return (bytes, splices.map(\.original))
    }

    private func isComplete(_ splices: [Splice], _ part: StoredPart) -> Bool {
        if let counts { return splices.count == counts[part.name, default: 0] }
        guard !splices.isEmpty, trace != .none else { return !splices.isEmpty }
        return Set(splices.map(\.offset)).isSuperset(of: Self.cutMembers(of: part.content))
    }
}

// MARK: - Traces

extension CutRecord {
    private static let mark = Array(#""splices":"#.utf8)

    private static func saysKey(_ facts: JSONValue) -> Bool {
        facts.member("set")?.elements.contains { $0.isString(AgreementMember.accessKey.name) } ?? false
    }

    /// Where placeholders stand as values of members that are always cut out.
    private static func cutMembers(of content: [UInt8]) -> [Int] {
        guard CredentialCutter.contains(Splice.placeholder, in: content),
            // What is no JSON has no members.
            let document = try? JSONDocument(parsing: content, maximumDepth: RequestReader.Limits().depth)
        else { return [] }
        return AgreementMessage.credentialRanges(in: document)
            .filter { content[$0].dropFirst().dropLast().elementsEqual(Splice.placeholder) }
            .map { $0.lowerBound + 1 }
    }
}
