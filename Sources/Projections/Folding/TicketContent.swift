import JSON
import Ledger
import TicketSharing

/// What a message says of a ticket: its body where that is there, put together from its facts where it is erased.
struct TicketContent {
    let message: TicketMessage

    /// Members that were said, but whose bytes are gone.
    let erasedMembers: Set<TicketMember>

    /// Comments of which the facts alone are left.
    let erasedComments: Set<CommentID>

    /// A message, and what was said in it besides.
    init(_ message: TicketMessage, erasedMembers: Set<TicketMember> = [], erasedComments: Set<CommentID> = []) {
        self.message = message
        self.erasedMembers = erasedMembers
        self.erasedComments = erasedComments
    }

    /// Reads a body that is whole, or mends one that is not.
    ///
    /// Erasure may take a whole body or single members and comments out of it, so whatever the facts say was set and the
    /// body does not say any more is erased.
    init(_ content: TicketEventContent, _ facts: EventFacts, of position: Position, ticket: TicketID) throws(FoldFault)
    {
        let body = try Self.read(content, of: position, ticket: ticket)
        if let body, body.message.saidMembers.count == facts.setCount, body.message.comments.count == facts.commentCount
        {
            self.init(body.message)
            return
        }
        let mended = Self.mended(body, facts)
        guard let message = Self.message(mended.bytes, ticket) else {
            throw FoldFault(position: position, reason: "its facts do not make a message")
        }
        let said = Set(message.message.saidMembers)
        self.init(
            message.message,
            erasedMembers: Set(TicketMember.allCases.filter { facts.setNames.contains($0.name) }).subtracting(said)
                .subtracting([.uuid, .comments]),
            erasedComments: mended.erased,
        )
    }

    typealias Body = (document: JSONDocument, message: TicketMessage)

    private static func read(
        _ content: TicketEventContent,
        of position: Position,
        ticket: TicketID,
    ) throws(FoldFault) -> Body? {
        guard let bytes = content.body else { return nil }
        if let body = message(bytes, ticket) { return body }
        // A credential may stand anywhere; what it leaves behind when it is cut out need not be a message.
        guard content.isCut else { throw FoldFault(position: position, reason: "its body is no ticket message") }
        return nil
    }

    static func message(_ bytes: [UInt8], _ ticket: TicketID) -> Body? {
        guard let document = JSONDocument(stored: bytes) else { return nil }
        return TicketMessage(stored: document, id: ticket).map { (document, $0) }
    }

    /// The body with what the facts know put in for what is missing.
    private static func mended(_ body: Body?, _ facts: EventFacts) -> (bytes: [UInt8], erased: Set<CommentID>) {
        var kept: [CommentID: Range<Int>] = [:]
        for comment in body?.message.comments ?? [] {
            kept[comment.id] = comment.byteRange
        }
        var erased: Set<CommentID> = []
        var writer = JSONWriter()
        writer.object { object in
            if let body {
                for member in body.document.root.members where !member.isNamed(TicketMember.comments.name) {
                    object.rawName(member.rawName)
                    object.raw(member.value.rawBytes)
                }
            }
            if body?.message.status == nil, let status = facts.status {
                object.member(TicketMember.status.name, status)
            }
            if body?.message.requestedAt == nil, let time = facts.requestedAt {
                object.member(TicketMember.requestedAt.name, time)
            }
            object.name(TicketMember.comments.name)
            object.array { array in
                for comment in facts.comments {
                    if let body, let range = kept[comment.id] {
                        array.raw(body.document.bytes[range])
                    } else {
                        erased.insert(comment.id)
                        array.comment(comment)
                    }
                }
            }
        }
        return (writer.bytes, erased)
    }
}

extension JSONWriter {
    fileprivate mutating func comment(_ comment: EventFacts.Comment) {
        object { object in
            object.member("uuid", comment.id.text)
            object.member("public", comment.isPublic)
            if let time = comment.authoredAt { object.member("authored_at", time) }
        }
    }
}
