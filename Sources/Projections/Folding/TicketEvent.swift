import Cryptography
import Ledger
import LedgerStore
import Sharing

/// A ticket message as it is read for folding, without its bytes.
struct TicketEventHead: Sendable {
    let position: Position
    let share: Position

    /// The place in the share's own chain.
    let sequence: Int64

    let type: EventType
    let direction: Direction
    let format: Int
    let event: EventID
    let recorded: Timestamp
    let status: Int

    /// What its leaf says of the body and of the facts; `nil` for a message without them.
    let body: PartLine?
    let facts: PartLine?

    /// See ``TicketHead/last``; what a repeat is recognised by is not in the ledger.
    func lastMessage(digest: Digest) -> LastMessage {
        LastMessage(
            receipt: Receipt(position: position, event: event, recorded: recorded),
            status: status,
            digest: digest
        )
    }
}

/// What of a ticket message's bytes is still there.
struct TicketEventContent: Sendable {
    var facts: [UInt8]?

    /// The body; `nil` where there was none or it is erased.
    var body: [UInt8]?

    /// Whether credentials were cut out of the body, which may have left behind what cannot be read.
    var isCut = false

    /// A part that is altered, or gone without an erasure.
    var damage: PartFault?
}

/// A ticket message with what is left of its bytes, and its facts taken apart.
struct TicketEvent: Sendable {
    let head: TicketEventHead
    let content: TicketEventContent
    let facts: Result<EventFacts, FoldFault>

    init(_ head: TicketEventHead, _ content: TicketEventContent?) {
        self.head = head
        self.content = content ?? TicketEventContent()
        if let damage = content?.damage {
            facts = .failure(FoldFault(damage))
            return
        }
        let bytes = self.content.facts
        facts = Result { () throws(FoldFault) in try EventFacts(bytes, format: head.format, of: head.position) }
    }
}
