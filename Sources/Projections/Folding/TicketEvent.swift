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

    /// A message as it was committed; `nil` for what is no message of a share.
    init?(_ event: SequencedEvent) {
        let leaf = event.leaf
        guard let share = event.share, let link = leaf.shareLink, let direction = leaf.direction,
            let status = leaf.status
        else { return nil }
        var content = TicketEventContent()
        var body: PartLine?
        var facts: PartLine?
        for part in event.draft.parts {
            switch part.name {
            case .facts:
                content.facts = part.content
                facts = part.line
            case .body:
                content.body = part.content
                content.isCut = part.sealedSplices != nil
                body = part.line
            default: break
            }
        }
        let head = TicketEventHead(
            position: event.position,
            share: share,
            sequence: link.sequence,
            type: leaf.type,
            direction: direction,
            format: Facts.format,
            event: leaf.event,
            recorded: leaf.recorded,
            status: status,
            body: body,
            facts: facts,
        )
        self.init(head, content)
    }
}
