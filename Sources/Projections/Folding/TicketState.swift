import Ledger
package import TicketSharing

/// A ticket as its messages make it, and what of them is erased.
package struct TicketState: Sendable, Equatable {
    /// The ticket; an erased value is absent here, as it cannot be told or sent.
    package private(set) var ticket: Ticket

    /// Members whose last value was said and is erased: neither known nor "not said".
    package private(set) var erasedMembers: Set<TicketMember>

    /// Comments of which no more is left than what the facts say: name, visibility, time.
    package private(set) var erasedComments: Set<CommentID> = []

    /// A ticket of which nothing was said yet.
    package init(id: TicketID) {
        ticket = Ticket(id: id)
        erasedMembers = []
    }

    init(_ ticket: Ticket, erasedMembers: Set<TicketMember>) {
        self.ticket = ticket
        self.erasedMembers = erasedMembers
    }
}

// MARK: - Folding

extension TicketState {
    /// Takes one message in.
    mutating func apply(_ event: TicketEvent, as view: PointOfView = .us) throws(FoldFault) {
        let source = try event.source.get()
        let permissions = view == .us ? source.permissions : .all
        let type = event.head.type
        guard type != .ticketUnshared else {
            ticket.apply(.unshare, by: source.sender, under: permissions)
            return
        }
        // Who writes of a ticket has it, even where the answer to the message that shared it is not known.
        let isProof = view == .partner && event.head.direction == .inbound
        guard type == .ticketShared || ticket.isShared || isProof else { return }
        let said = try source.content(of: event.head.position, ticket: ticket.id)
        let new = said.erasedComments.filter { !ticket.holdsComment($0) }
        let shares = type == .ticketShared || !ticket.isShared
        let change = shares ? TicketChange.share(said.message) : .update(said.message)
        ticket.apply(change, by: source.sender, under: permissions)
        erasedComments.formUnion(new)
        if !erasedMembers.isEmpty {
            erasedMembers.subtract(said.message.saidMembers.filter { permissions.allow(source.sender, toSet: $0) })
        }
        for member in said.erasedMembers where permissions.allow(source.sender, toSet: member) {
            ticket.forget(member)
            erasedMembers.insert(member)
        }
    }

    /// Takes in what the partner was sent of our copy at once.
    mutating func apply(_ said: TicketMessage) {
        ticket.apply(ticket.isShared ? .update(said) : .share(said), by: .sender, under: .all)
        erasedMembers.subtract(said.saidMembers)
    }

    /// Hands over the comments that came since the last time, and which of them are erased.
    mutating func takeComments() -> [(comment: TicketComment, isErased: Bool)] {
        let comments = ticket.takeComments()
        guard !erasedComments.isEmpty else { return comments.map { ($0, false) } }
        defer { erasedComments = [] }
        return comments.map { ($0, erasedComments.contains($0.id)) }
    }
}

/// Whose copy of a ticket is meant.
package enum PointOfView: Sendable, CaseIterable {
    /// Ours: what the agreement allowed, message by message.
    case us

    /// The partner's: all that it wrote, and all that it was sent and has acknowledged; nothing is held back from that.
    case partner
}
