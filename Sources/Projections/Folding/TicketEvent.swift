import Cryptography
import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// A ticket message as it is read for folding, without what it says.
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

/// A ticket message with what it says, as far as that is still known.
struct TicketEvent: Sendable {
    /// Where what it says is known from.
    enum Source: Sendable {
        /// From the decision about it, moments ago.
        case taken(TakenMessage)

        /// From what the ledger still has of its bytes.
        case stored(TicketEventContent, EventFacts)
    }

    let head: TicketEventHead
    let source: Result<Source, FoldFault>

    init(_ head: TicketEventHead, _ content: TicketEventContent?) {
        self.head = head
        let content = content ?? TicketEventContent()
        source = Result { () throws(FoldFault) in
            if let damage = content.damage { throw FoldFault(damage) }
            return .stored(content, try EventFacts(content.facts, format: head.format, of: head.position))
        }
    }

    /// A message as it was committed; `nil` for what is no message of a share.
    init?(_ message: CommittedMessage) {
        let event = message.event
        let leaf = event.leaf
        guard let share = event.share, let link = leaf.shareLink, let direction = leaf.direction,
            let status = leaf.status
        else { return nil }
        head = TicketEventHead(
            position: event.position,
            share: share,
            sequence: link.sequence,
            type: leaf.type,
            direction: direction,
            format: Facts.format,
            event: leaf.event,
            recorded: leaf.recorded,
            status: status,
            body: leaf.parts.first { $0.name == .body },
            facts: leaf.parts.first { $0.name == .facts },
        )
        source = .success(.taken(message.taken))
    }
}

extension TicketEvent.Source {
    /// The side that sent the message.
    var sender: AgreementRole {
        switch self {
        case .taken(let message): message.sender
        case .stored(_, let facts): facts.sender
        }
    }

    /// What the agreement allowed.
    var permissions: Agreement.Permissions {
        switch self {
        case .taken(let message): message.permissions
        case .stored(_, let facts): facts.permissions
        }
    }

    /// The names of the comments that it brought, known ones among them.
    var comments: [CommentID] {
        switch self {
        case .taken(let message): message.message?.comments.map(\.id) ?? []
        case .stored(_, let facts): facts.comments.map(\.id)
        }
    }

    /// What it says of the ticket.
    func content(of position: Position, ticket: TicketID) throws(FoldFault) -> TicketContent {
        switch self {
        case .taken(let message):
            guard let message = message.message else {
                throw FoldFault(position: position, reason: "it says nothing of the ticket")
            }
            return TicketContent(message)
        case .stored(let content, let facts):
            return try TicketContent(content, facts, of: position, ticket: ticket)
        }
    }
}
