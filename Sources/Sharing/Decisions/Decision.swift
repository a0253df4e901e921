import Cryptography
import JSON
import Ledger
import TicketSharing

extension SharingTransaction {
    /// Decides about one request, records what it led to, and says what to answer.
    ///
    /// - Parameter mayRecordRefusal: Asked once if the request is refused; where it says no, nothing is recorded.
    package mutating func decide(_ capture: Capture, mayRecordRefusal: @escaping @Sendable () -> Bool) -> Answer {
        decide(capture, within: IntakeBounds(mayRecordRefusal: mayRecordRefusal))
    }

    /// The same with bounds on everything that a request may have recorded.
    package mutating func decide(_ capture: Capture, within bounds: IntakeBounds) -> Answer {
        let access: Access
        do throws(ProtocolFault) {
            access = try authenticate(capture)
        } catch {
            return refuse(capture, capture.pathFault ?? error, as: nil, within: bounds)
        }
        do throws(ProtocolFault) {
            if let repeated = try repeated(capture, bounds) { return repeated }
            if let fault = capture.fault { throw fault }
            switch (access, capture.content, capture.target) {
            case (.invitation(let partner), .agreement(let message), _):
                return try invite(capture, message, partner, within: bounds)
            case (.side(let side), .agreement(let message), _):
                return try update(capture, message, side, within: bounds)
            case (.side(let side), .ticket(let message), .ticket(let ticket)):
                return try change(capture, capture.method == "POST" ? .share(message) : .update(message), ticket, side)
            case (.side(let side), .none, .ticket(let ticket)):
                return try change(capture, .unshare, ticket, side)
            default:
                preconditionFailure("a request without a fault has a target, and the body that its method calls for")
            }
        } catch {
            return refuse(capture, error, as: access, within: bounds)
        }
    }

    /// Whether a request comes from somebody whose agreement no operator has accepted.
    func isStranger(_ access: Access, _ capture: Capture) -> Bool {
        guard capture.direction == .inbound, case .side(let side) = access else { return false }
        return side.record.isUnproven
    }

    /// Who a request comes from, once that is known.
    enum Access {
        /// Nobody who could be known yet: an invitation, for the desk's with the partner that it is for.
        case invitation(PartnerRecord?)
        case side(Side)
    }

    /// One side of an agreement, as a token or a command of our own showed.
    struct Side {
        let record: AgreementRecord
        let role: AgreementRole

        /// Which version of the access key the token had; `nil` for a command.
        let tokenVersion: Int?
    }
}

// MARK: - Authentication

extension SharingTransaction {
    func authenticate(_ capture: Capture) throws(ProtocolFault) -> Access {
        let partner = try pathPartner(of: capture)
        if case .agreement(let id) = capture.target, capture.method == "POST" {
            return try authenticateInvitation(capture, id, partner)
        }
        switch capture.credential {
        case .missing: throw .tokenMissing
        case .malformed: throw .notAuthorized
        case .trusted(let id):
            guard let record = agreement(id) else {
                throw ProtocolFault(.notFound, .unknownResource, "there is no agreement \(id)")
            }
            return .side(Side(record: record, role: record.ourRole, tokenVersion: nil))
        case .token(let id, let fingerprint):
            guard let record = agreement(id), let version = record.keyVersion(of: fingerprint) else {
                throw .notAuthorized
            }
            if case .agreement(let target) = capture.target, target != id { throw .notAuthorized }
            if let partner, partner.id != record.partner { throw .notAuthorized }
            return .side(Side(record: record, role: record.role(sending: capture.direction), tokenVersion: version))
        }
    }

    /// The partner that the desk addresses, which must be one that an operator has accepted.
    private func pathPartner(of capture: Capture) throws(ProtocolFault) -> PartnerRecord? {
        guard let name = capture.partner else { return nil }
        guard let partner = partners[name: name] else {
            let detail = "there is no partner of the name in the path; 'shareledger partner list' shows all"
            throw ProtocolFault(.notFound, .unknownResource, detail)
        }
        // An agreement may be declined whoever the other side is; ``update(_:_:_:)`` looks at what is said.
        if case .agreement = capture.target, capture.method == RequestMethod.put.rawValue { return partner }
        guard partner.state == .active else { throw .onlyProposed(partner) }
        return partner
    }

    /// An invitation needs no token; one that is sent must be the one of the body.
    private func authenticateInvitation(
        _ capture: Capture,
        _ id: AgreementID,
        _ partner: PartnerRecord?,
    ) throws(ProtocolFault) -> Access {
        switch capture.credential {
        case .missing, .trusted: return .invitation(partner)
        case .malformed: throw .notAuthorized
        case .token(let agreement, let fingerprint):
            guard agreement == id else { throw .notAuthorized }
            guard case .agreement(let message) = capture.content, let key = message.accessKey else {
                return .invitation(partner)
            }
            guard keys.fingerprint(ofAccessKey: key.secret.utf8) == fingerprint else { throw .notAuthorized }
            return .invitation(partner)
        }
    }
}

// MARK: - Repeats

extension SharingTransaction {
    /// How long a message without an `Idempotency-Key` is taken for a repeat.
    private static var repeatWindow: Int64 { 600_000_000 }

    /// The first answer again, where a request is one that was answered already.
    private mutating func repeated(_ capture: Capture, _ bounds: IntakeBounds) throws(ProtocolFault) -> Answer? {
        if let key = capture.idempotencyKey, let known = changes.idempotency[key.digest] ?? idempotency[key.digest],
            !isOfDeclinedInvitation(known, capture)
        {
            guard known.requestDigest == capture.digest else {
                let detail = "this Idempotency-Key came with another request before; use a new one"
                throw ProtocolFault(.unprocessable, .invalidValue, detail)
            }
            return try duplicate(capture, known.receipt, known.status, bounds)
        }
        guard capture.idempotencyKey == nil, capture.method != "GET", let last = last(capture) else { return nil }
        let age = now.microseconds - last.receipt.recorded.microseconds
        guard last.digest == capture.digest, age <= Self.repeatWindow, !isStuck(last.receipt.position) else {
            return nil
        }
        return try duplicate(capture, last.receipt, last.status, bounds)
    }

    /// Whether a key came with an invitation that was declined since: its uuid is free for others, and so is what they call
    /// their request.
    private func isOfDeclinedInvitation(_ known: IdempotencyRecord, _ capture: Capture) -> Bool {
        guard case .agreement(let id) = capture.target, capture.method == "POST", let record = agreement(id) else {
            return false
        }
        return record.agreement.status == .declined || known.receipt.position < record.firstPosition
    }

    private func last(_ capture: Capture) -> LastMessage? {
        guard let share = capture.share else { return capture.agreement.flatMap { agreement($0)?.last } }
        return ticket(share)?.last
    }

    private mutating func duplicate(
        _ capture: Capture,
        _ original: Receipt,
        _ status: Int,
        _ bounds: IntakeBounds,
    ) throws(ProtocolFault) -> Answer {
        let parts = capture.parts.filter { $0.name != .body }
        if let record = capture.agreement.flatMap({ agreement($0) }) {
            try admit(capture, within: bounds, under: record, byteCount: parts.storedByteCount)
        }
        let id = capture.agreement.map { StreamName.agreement($0.text) } ?? .unattributed
        let facts = Facts.object { $0.member("repeats", original.position.rawValue) }
        let detail = detail(of: capture)
        let draft = EventDraft(
            .messageDuplicated,
            direction: capture.direction,
            stream: id,
            ticket: capture.share.flatMap { ticket($0) == nil ? nil : $0.ticket },
            about: original.event,
            exchange: capture.exchange,
            status: status,
            parts: parts + [part(.facts, facts), part(.detail, detail)],
        )
        _ = append(draft)
        return .repeated(status, original)
    }
}

// MARK: - Shared by all decisions

extension SharingTransaction {
    /// What is known of a request beside its leaf.
    ///
    /// - Parameter cutBody: The whole of a body of which only the beginning is kept.
    func detail(
        of capture: Capture,
        partner: String? = nil,
        fault: ProtocolFault? = nil,
        cutBody: Part? = nil,
    ) -> [UInt8] {
        Facts.detail([
            "partner": partner ?? capture.partner.flatMap { partners[name: $0]?.name },
            "source": capture.operator == nil ? capture.source : nil,
            "operator": capture.operator,
            "reason": capture.reason,
            "idempotency_key": capture.idempotencyKey?.text,
            "traceparent": capture.traceparent,
            "error": fault?.code.rawValue,
            "detail": fault?.detail,
            "body_salt": cutBody.map { hexadecimal($0.salt) },
        ])
    }

    /// Keeps what a later request with the same `Idempotency-Key` is answered with.
    mutating func remember(_ capture: Capture, _ receipt: Receipt, _ status: Int) {
        guard let key = capture.idempotencyKey else { return }
        remember(IdempotencyRecord(receipt: receipt, status: status, requestDigest: capture.digest), under: key.digest)
    }

    /// Whether our desk is told an accepted message.
    func reachesDesk(_ direction: Direction, isUnproven: Bool = false) -> Bool {
        direction == .inbound && settings.deskURL != nil && !isUnproven
    }

    /// Enqueues an accepted message for the other end: the partner, or our desk if there is one.
    ///
    /// Of an agreement that no operator has accepted the desk hears nothing, whoever's URL it names: see
    /// ``releaseToDesk(_:at:)``.
    mutating func deliver(
        _ receipt: Receipt,
        _ direction: Direction,
        partner: PartnerRecord,
        stream: Position,
        share: Position?,
        isUnproven: Bool = false,
    ) {
        let destination: Destination
        switch direction {
        case .outbound: destination = .partner(partner.id)
        case .inbound:
            guard reachesDesk(direction, isUnproven: isUnproven) else { return }
            destination = .desk
        }
        enqueue(NewDelivery(lane: ShareLane(destination: destination, stream: stream, share: share), message: receipt))
    }
}

extension ProtocolFault {
    /// Nothing is sent to a partner that no operator has accepted.
    static func onlyProposed(_ partner: PartnerRecord) -> ProtocolFault {
        let advice = "'shareledger partner add NAME --url \(partner.baseURL.text)' accepts it"
        return ProtocolFault(.forbidden, .notPermitted, "partner \(partner.name) is only proposed; \(advice)")
    }
}
