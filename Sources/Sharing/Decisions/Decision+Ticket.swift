import JSON
import Ledger
import TicketSharing

extension SharingTransaction {
    /// Takes a share, an update or the end of a share, or says why not.
    mutating func change(
        _ capture: Capture,
        _ change: TicketChange,
        _ id: TicketID,
        _ side: Side,
    ) throws(ProtocolFault) -> Answer {
        let record = side.record
        let stream = StreamName.agreement(record.agreement.id.text)
        let name = ShareName(stream: stream, ticket: id.text)
        let head = ticket(name)
        let current = head.map { Ticket(id: id, isShared: $0.isShared, status: $0.status) }
        if let fault = change.refusal(by: side.role, under: record.agreement, to: current) {
            // A ticket that is known under another agreement only is not to be told apart from a wrong token.
            throw fault == .unknownTicket && head == nil && isForeign(name) ? .notAuthorized : fault
        }
        let permissions = record.agreement.permissions
        var known = knownTicket(id, name)
        let deviations = known.deviations(in: change, by: side.role, under: permissions)
        if settings.isStrict, capture.direction == .outbound, let first = deviations.first {
            throw ProtocolFault(
                .unprocessable,
                .notPermitted,
                "the agreement does not allow \(first.member) to be sent (--strict)"
            )
        }
        let partner = partners[record.partner]
        let status = change.isShare ? 201 : 200
        let facts = Facts.ticket(
            change,
            by: side,
            direction: capture.direction,
            deviations: deviations,
            reachesDesk: reachesDesk(capture.direction),
            parts: capture.parts,
        )
        let receipt = append(
            EventDraft(
                change.eventType,
                direction: capture.direction,
                stream: stream,
                ticket: id.text,
                exchange: capture.exchange,
                status: status,
                parts: capture.parts + [
                    part(.facts, facts), part(.detail, detail(of: capture, partner: partner?.name)),
                ],
                castableBody: capture.castableBody,
            ),
        )
        guard let share = sequencer.shareID(name) else {
            preconditionFailure("an event of a share has just been appended")
        }
        let last = LastMessage(receipt: receipt, status: status, digest: capture.digest)
        if permissions != .all, knowsAll(of: name) {
            known.apply(change, by: side.role, under: permissions)
            put(known, name)
        }
        let said = permissions.allow(side.role, toSet: .status) ? change.message?.status : nil
        put(TicketHead(share: share, isShared: change.message != nil, status: said ?? head?.status, last: last), name)
        took(TakenMessage(change.message, by: side.role, under: permissions), at: receipt.position)
        remember(capture, receipt, status)
        if let partner {
            deliver(receipt, capture.direction, partner: partner, stream: record.stream, share: share)
        }
        return .accepted(status, receipt)
    }
}

extension TicketChange {
    fileprivate var isShare: Bool {
        if case .share = self { return true }
        return false
    }

    fileprivate var eventType: EventType {
        switch self {
        case .share: .ticketShared
        case .update: .ticketUpdated
        case .unshare: .ticketUnshared
        }
    }

    fileprivate var message: TicketMessage? {
        switch self {
        case .share(let message), .update(let message): message
        case .unshare: nil
        }
    }
}

extension Facts {
    /// What a ticket message did: what it set, which comments it brought, and what of it the agreement does not allow.
    fileprivate static func ticket(
        _ change: TicketChange,
        by side: SharingTransaction.Side,
        direction: Direction,
        deviations: [Deviation],
        reachesDesk: Bool,
        parts: [Part],
    ) -> [UInt8] {
        object { facts in
            facts.member("by", side.role.rawValue)
            if let message = change.message {
                facts.strings("set", message.saidMembers.map(\.name))
                if let status = message.status { facts.member("status", cleaned(status)) }
                if let time = message.requestedAt { facts.member("requested_at", time.text) }
                facts.comments(message.comments)
                facts.permissions(side.record.agreement.permissions)
            }
            if !deviations.isEmpty {
                facts.deviations(deviations, named: direction == .inbound ? "not_taken" : "disclosed_beyond")
            }
            if let version = side.tokenVersion { facts.member("token_version", version) }
            if reachesDesk { facts.reachesDesk() }
            facts.splices(of: parts)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func comments(_ comments: [CommentMessage]) {
        guard !comments.isEmpty else { return }
        name("comments")
        array { array in
            for comment in comments {
                array.object { object in
                    object.member("uuid", comment.id.text)
                    object.member("public", comment.isPublic)
                    if let time = comment.authoredAt { object.member("authored_at", time.text) }
                }
            }
        }
    }

    fileprivate mutating func deviations(_ deviations: [Deviation], named name: String) {
        self.name(name)
        array { array in
            for deviation in deviations {
                array.object { object in
                    object.member("member", deviation.member)
                    if let comment = deviation.comment { object.member("comment", comment.text) }
                }
            }
        }
    }
}
