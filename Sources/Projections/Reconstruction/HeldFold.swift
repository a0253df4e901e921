import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// A share while it is folded with all its comments, for one side.
struct HeldFold {
    private(set) var state: TicketState
    private(set) var comments: [HeldComment] = []
    private(set) var firstPosition: Position?
    private(set) var lastPosition: Position?
    private(set) var faults: [FoldFault] = []

    /// Messages to the partner that it has not acknowledged.
    private(set) var unacknowledgedCount = 0

    /// Where each member's value is from; `nil` where nobody asks.
    private(set) var origins: [String: ValueOrigin]?

    private let view: PointOfView
    private let acknowledgements: Acknowledgements

    init(
        _ ticket: TicketID,
        _ view: PointOfView,
        _ acknowledgements: Acknowledgements,
        notesOrigins: Bool = false,
    ) {
        state = TicketState(id: ticket)
        self.view = view
        self.acknowledgements = acknowledgements
        origins = notesOrigins ? [:] : nil
    }

    /// Folds messages in the order given, as many of them in memory at once as a page takes.
    mutating func apply(_ heads: ArraySlice<TicketEventHead>, in session: inout PostgresSession) throws {
        try TicketEventReader.forEach(of: heads, in: &session) { event in apply(event) }
    }

    private mutating func apply(_ event: TicketEvent) {
        let head = event.head
        note(head.position)
        let since = head.direction == .inbound ? head.position : acknowledgements[head.event]
        if view == .us, since == nil { unacknowledgedCount += 1 }
        let count = state.ticket.comments.count
        do throws(FoldFault) {
            let before = valuesToCompare
            try state.apply(event, as: view)
            noteOrigins(since: before, head.position, head.direction)
        } catch {
            faults.append(error)
        }
        comments += state.ticket.comments[count...].map { comment in
            HeldComment(id: comment.id, position: head.position, direction: head.direction, partnerSince: since)
        }
    }

    /// The values as they are; `nil` where nobody asks where they are from.
    private var valuesToCompare: TicketValues? {
        origins == nil ? nil : TicketValues(state.ticket)
    }

    private mutating func noteOrigins(since before: TicketValues?, _ position: Position, _ direction: Direction) {
        guard let before else { return }
        let origin = ValueOrigin(position: position, direction: direction, actor: state.ticket.currentActor?.name)
        for name in TicketValues(state.ticket).names(differingFrom: before) { origins?[name] = origin }
    }

    private mutating func note(_ position: Position) {
        firstPosition = min(firstPosition ?? position, position)
        lastPosition = max(lastPosition ?? position, position)
    }
}

// MARK: - The partner's side

extension HeldFold {
    /// Folds what the partner wrote and what reached it, each as often and in the order in which it came there.
    ///
    /// What reached it late, or again, came to it after what it had written meanwhile.
    mutating func applyReceipts(_ heads: [TicketEventHead], in session: inout PostgresSession) throws {
        var known: [EventID: TicketEventHead] = [:]
        var receipts = acknowledgements.receipts
        for head in heads {
            if head.direction == .inbound {
                receipts.append(Acknowledgements.Receipt(since: head.position, content: .message(head.event)))
            } else if acknowledgements[head.event] == nil {
                unacknowledgedCount += 1
            }
            known[head.event] = head
        }
        receipts.sort { $0.since < $1.since }
        var waiting: [TicketEventHead] = []
        for receipt in receipts {
            switch receipt.content {
            case .message(let message): if let head = known[message] { waiting.append(head) }
            case .state(let begun):
                try apply(waiting[...], in: &session)
                waiting = []
                try applyState(begun, since: receipt.since, in: &session)
            }
        }
        try apply(waiting[...], in: &session)
    }

    private mutating func applyState(
        _ begun: Position,
        since: Position,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        note(begun)
        let count = state.ticket.comments.count
        guard let said = try read(begun, in: &session) else { return }
        let before = valuesToCompare
        state.apply(said)
        noteOrigins(since: before, begun, .outbound)
        comments += state.ticket.comments[count...].map { comment in
            HeldComment(id: comment.id, position: begun, direction: .outbound, partnerSince: since)
        }
    }

    /// Says of our own copy's comments that the partner holds those that a replayed state has brought it.
    mutating func noteStates(in session: inout PostgresSession) throws(PostgresError) {
        for receipt in acknowledgements.receipts {
            guard case .state(let begun) = receipt.content, comments.contains(where: { $0.partnerSince == nil }),
                let said = try read(begun, in: &session)
            else { continue }
            let brought = Set(said.comments.map(\.id))
            for index in comments.indices where comments[index].partnerSince == nil {
                guard brought.contains(comments[index].id) else { continue }
                comments[index].partnerSince = receipt.since
            }
        }
    }

    /// The state that an attempt has sent; `nil`, and a fault, where its bytes are not there as they were recorded.
    private mutating func read(
        _ begun: Position,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> TicketMessage? {
        guard let event = try LedgerReader.event(at: begun, in: &session) else { return nil }
        let checked = try CheckedParts(of: [event], named: [.sentBody], in: &session)
        do throws(FoldFault) {
            let body = try checked.foldable(at: begun)[.sentBody]
            guard let body, let said = TicketContent.message(body.content, state.ticket.id) else {
                throw FoldFault(position: begun, reason: "the state that it sent is erased, or no ticket message")
            }
            return said.message
        } catch {
            faults.append(error)
            return nil
        }
    }
}
