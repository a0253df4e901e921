import JSON
package import Ledger
import LedgerStore
package import Sharing
package import TicketSharing

/// A partner as the events of the stream `system` make it.
package struct PartnerState: Sendable, Equatable {
    /// Position of the `partner.added` event.
    package let id: Position

    /// `nil` where the last one is erased, as ``url``.
    package private(set) var name: String?
    package private(set) var url: BaseURL?

    package private(set) var dialect = Dialect.standard
    package private(set) var state = PartnerRecord.State.proposed
    package private(set) var isPaused = false
    package private(set) var allowsPrivateAddress = false
    package private(set) var allowsHTTP = false
    package private(set) var concurrency = PartnerRecord.standardConcurrency
    package private(set) var rate: Int?

    /// The last event that changed it.
    package private(set) var last: Position

    /// The event types that make partners.
    static let types: [EventType] = [.partnerAdded, .partnerChanged, .partnerStateChanged]

    /// Takes `partner.added`, `partner.changed` and `partner.state_changed` in; others change nothing.
    ///
    /// How a destination answers is no part of a partner: of what has changed its state only pauses count.
    static func apply(
        _ event: StoredEvent,
        _ parts: [PartName: StoredPart],
        to partners: inout [Position: PartnerState],
    ) throws(FoldFault) {
        guard types.contains(event.type) else { return }
        guard let bytes = parts[.facts]?.content, let facts = JSONDocument(stored: bytes)?.root, facts.kind == .object
        else {
            throw FoldFault(position: event.position, reason: "its part facts is no JSON object")
        }
        if event.type == .partnerStateChanged, facts.member("paused") == nil { return }
        let named = facts.member("partner")?.integer.map { Position(rawValue: Int64($0)) }
        let id = event.type == .partnerAdded ? event.position : named
        guard let id, var partner = event.type == .partnerAdded ? PartnerState(id: id) : partners[id] else {
            throw FoldFault(position: event.position, reason: "its facts name no partner that was added")
        }
        partner.last = event.position
        if event.type == .partnerStateChanged {
            partner.isPaused = facts.member("paused")?.bool ?? partner.isPaused
        } else {
            partner.take(facts, Detail(parts[.detail]))
        }
        partners[id] = partner
    }

    private init(id: Position) {
        self.id = id
        last = id
    }

    private mutating func take(_ facts: JSONValue, _ detail: Detail) {
        name = detail["partner"]
        url = detail["url"].flatMap { text in
            do throws(BaseURLFault) {
                return try BaseURL(text)
            } catch {
                return nil
            }
        }
        dialect = facts.member("dialect")?.string.flatMap { Dialect(rawValue: $0) } ?? dialect
        state = facts.member("state")?.string.flatMap { PartnerRecord.State(rawValue: $0) } ?? state
        allowsPrivateAddress = facts.member("allow_private_address")?.bool ?? allowsPrivateAddress
        allowsHTTP = facts.member("allow_http")?.bool ?? allowsHTTP
        concurrency = facts.member("concurrency")?.integer ?? concurrency
        // Said where there is one.
        rate = facts.member("rate")?.integer
    }
}
