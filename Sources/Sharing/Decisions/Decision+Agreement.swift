package import Ledger
import TicketSharing

extension SharingTransaction {
    /// Takes an invitation, or says why not.
    mutating func invite(
        _ capture: Capture,
        _ message: AgreementMessage,
        _ partner: PartnerRecord?,
        within bounds: IntakeBounds,
    ) throws(ProtocolFault) -> Answer {
        let sent = try sentOn(capture, message, partner: partner, theirURL: nil, ourRole: .sender)
        let addressed = partner?.baseURL ?? settings.publicURL
        let agreement = try Agreement.invited(by: sent?.message ?? message, addressed: addressed)
        // Whether there is one already is told last: a body that is wrong gets the same answer either way.
        if partner == nil { try checkRoom(for: capture, bounds) }
        let former = self.agreement(message.id)
        guard former.map({ makesRoom($0, for: message) }) ?? true else {
            throw ProtocolFault(.unprocessable, .alreadyExists, "the agreement exists already; change it with PUT")
        }
        let inviter = if let partner { partner } else { try self.inviter(capture, agreement, bounds) }
        let stream = StreamName.agreement(agreement.id.text)
        let offered = offeredKey(message, number: (former?.key?.number ?? 0) + 1)
        let messageParts = capture.parts + sentParts(sent)
        let facts = Facts.agreement(
            agreement,
            by: .sender,
            partner: inviter.id,
            set: message.saidMembers,
            keyVersion: offered?.number,
            tokenVersion: capture.hasToken ? offered?.number : nil,
            parts: messageParts,
        )
        let receipt = append(
            EventDraft(
                .agreementInvited,
                direction: capture.direction,
                stream: stream,
                exchange: capture.exchange,
                status: 201,
                parts: messageParts + [
                    part(.facts, facts),
                    part(.detail, detail(of: capture, partner: inviter.name)),
                ],
                castableBody: capture.castableBody,
            ),
        )
        guard let id = sequencer.streamID(stream) else {
            preconditionFailure("the stream has just got an event")
        }
        if former != nil { supersede(id, at: receipt.position) }
        put(
            AgreementRecord(
                stream: id,
                partner: inviter.id,
                ourRole: capture.direction == .outbound ? .sender : .receiver,
                agreement: agreement,
                key: offered,
                acknowledgedKey: capture.direction == .inbound ? offered : nil,
                invitedFrom: capture.direction == .inbound ? capture.source : nil,
                firstPosition: receipt.position,
                last: LastMessage(receipt: receipt, status: 201, digest: capture.digest),
            ),
        )
        store(message, offered, stream: id, receipt)
        remember(capture, receipt, 201)
        let isUnproven = capture.direction == .inbound
        deliver(receipt, capture.direction, partner: inviter, stream: id, share: nil, isUnproven: isUnproven)
        return .accepted(201, receipt)
    }

    /// Takes a change of an agreement, or says why not.
    mutating func update(
        _ capture: Capture,
        _ message: AgreementMessage,
        _ side: Side,
        within bounds: IntakeBounds,
    ) throws(ProtocolFault) -> Answer {
        var record = side.record
        guard let partner = partners[record.partner] else { preconditionFailure("every agreement has a partner") }
        let isOutbound = capture.direction == .outbound
        guard !isOutbound || partner.state == .active || message.status == .declined else {
            throw .onlyProposed(partner)
        }
        let sent = try sentOn(
            capture,
            message,
            partner: isOutbound ? partner : nil,
            theirURL: record.agreement.url(of: record.ourRole.partner),
            ourRole: record.ourRole,
        )
        let fingerprint = message.accessKey.map { keys.fingerprint(ofAccessKey: $0.secret.utf8) }
        let (agreement, changed) = try record.agreement.applying(
            sent?.message ?? message,
            from: side.role,
            keyMatches: fingerprint == record.key?.fingerprint,
        )
        try takeURL(of: agreement, in: record, partner, capture)
        try admit(capture, within: bounds, under: record)
        let wasUnproven = record.isUnproven
        record.agreement = agreement
        let isProven = wasUnproven && !record.isUnproven
        // A partner that uses a key knows it, whatever became of the message that brought it.
        if !isOutbound, let version = side.tokenVersion, version == record.key?.number,
            version > record.acknowledgedKey?.number ?? 0
        {
            record.acknowledgedKey = record.key
        }
        let offered = changed.contains(.accessKey) ? offeredKey(message, number: (record.key?.number ?? 0) + 1) : nil
        if let offered {
            record.key = offered
            if !isOutbound { record.acknowledgedKey = offered }
        }
        // A stranger who is turned down is not told: nothing goes to a URL that no operator has accepted.
        let isTold = !isOutbound || partner.state == .active
        let messageParts = capture.parts + sentParts(sent)
        let facts = Facts.agreement(
            agreement,
            by: side.role,
            set: message.saidMembers,
            keyVersion: offered?.number,
            tokenVersion: side.tokenVersion,
            reachesDesk: reachesDesk(capture.direction, isUnproven: record.isUnproven)
                || (isProven && settings.deskURL != nil),
            reachesPartner: isTold,
            parts: messageParts,
        )
        let receipt = append(
            EventDraft(
                .agreementUpdated,
                direction: capture.direction,
                stream: .agreement(agreement.id.text),
                exchange: capture.exchange,
                status: 200,
                parts: messageParts + [
                    part(.facts, facts),
                    part(.detail, detail(of: capture, partner: partner.name)),
                ],
                castableBody: capture.castableBody,
            ),
        )
        record.last = LastMessage(receipt: receipt, status: 200, digest: capture.digest)
        put(record)
        store(message, offered, stream: record.stream, receipt)
        remember(capture, receipt, 200)
        if isProven { releaseToDesk(record.stream, at: receipt.position) }
        guard isTold else { return .accepted(200, receipt) }
        deliver(
            receipt,
            capture.direction,
            partner: partner,
            stream: record.stream,
            share: nil,
            isUnproven: record.isUnproven,
        )
        return .accepted(200, receipt)
    }
}

// MARK: - Partners and their URLs

extension SharingTransaction {
    /// Whether an agreement is nothing but an invitation to us that we have declined, and another one takes its place.
    ///
    /// Only the key tells the two apart: whoever can guess a uuid can name anybody as its sender. Who presents the key that
    /// was declined is who was declined.
    private func makesRoom(_ former: AgreementRecord, for message: AgreementMessage) -> Bool {
        guard former.ourRole == .receiver, former.agreement.status == .declined, let key = message.accessKey else {
            return false
        }
        return former.key?.fingerprint != keys.fingerprint(ofAccessKey: key.secret.utf8)
    }

    /// Refuses an invitation that there is no room for.
    private func checkRoom(for capture: Capture, _ bounds: IntakeBounds) throws(ProtocolFault) {
        guard pendingInvitations.hasRoom(for: capture.source) else {
            throw ProtocolFault(.unavailable, .overloaded, "too many invitations wait for an answer; try again later")
        }
        try admit(capture, within: bounds, under: nil, step: .asked)
    }

    /// The partner that an invitation comes from; one that nobody knows yet becomes a proposed one.
    private mutating func inviter(
        _ capture: Capture,
        _ agreement: Agreement,
        _ bounds: IntakeBounds,
    ) throws(ProtocolFault) -> PartnerRecord {
        try admit(capture, within: bounds, under: nil)
        countInvitation(from: capture.source)
        if let known = partners[url: agreement.senderURL] { return known }
        let name = partners.provisionalName(for: agreement.senderURL)
        let partner = addPartner(
            PartnerSettings(name: name, url: agreement.senderURL),
            state: .proposed,
            by: nil,
            exchange: capture.exchange,
        )
        return partner
    }

    /// Follows a partner that says it has moved, unless the new place is another partner's or our own.
    ///
    /// Only under an agreement that was accepted: anybody can invite us in a partner's name. What an operator allowed for
    /// the old address, private ones and plain HTTP, is not allowed for another host.
    private mutating func takeURL(
        of agreement: Agreement,
        in record: AgreementRecord,
        _ partner: PartnerRecord,
        _ capture: Capture,
    ) throws(ProtocolFault) {
        let url = agreement.url(of: record.ourRole.partner)
        guard capture.direction == .inbound, url != record.agreement.url(of: record.ourRole.partner) else { return }
        guard !record.isUnproven else { throw .agreementNotAccepted(record.agreement.status) }
        let member = record.ourRole == .sender ? "receiver_url" : "sender_url"
        let staysOnHost = url.isOnHost(of: partner.baseURL)
        guard !url.isSameAddress(as: settings.publicURL) else {
            throw ProtocolFault(.unprocessable, .invalidValue, "\(member) must not be the help desk that is addressed")
        }
        if let other = partners[url: url], other.id != partner.id {
            throw ProtocolFault(.unprocessable, .invalidValue, "\(member) belongs to another agreement's partner")
        }
        guard url.isSecure || (partner.allowsHTTP && staysOnHost) else {
            throw ProtocolFault(.unprocessable, .invalidValue, "\(member) must begin with https://")
        }
        guard url != partner.baseURL else { return }
        var moved = partner
        moved.baseURL = url
        moved.allowsPrivateAddress = partner.allowsPrivateAddress && staysOnHost
        moved.allowsHTTP = partner.allowsHTTP && staysOnHost
        recordChange(of: moved, from: partner, by: nil, exchange: capture.exchange)
    }
}

// MARK: - Keys

extension SharingTransaction {
    private func offeredKey(_ message: AgreementMessage, number: Int) -> AgreementRecord.KeyVersion? {
        message.accessKey.map {
            AgreementRecord.KeyVersion(number: number, fingerprint: keys.fingerprint(ofAccessKey: $0.secret.utf8))
        }
    }

    private mutating func store(
        _ message: AgreementMessage,
        _ version: AgreementRecord.KeyVersion?,
        stream: Position,
        _ receipt: Receipt,
    ) {
        guard let version, let key = message.accessKey else { return }
        let context = AgreementRecord.KeyVersion.context(stream: stream, number: version.number)
        let sealed = seal(Array(key.secret.utf8), context: context)
        add(NewAccessKey(stream: stream, position: receipt.position, version: version, sealed: sealed))
    }
}

extension AgreementRecord.KeyVersion {
    /// The place that an encrypted access key is bound to.
    package static func context(stream: Position, number: Int) -> String {
        "access-key \(stream) \(number)"
    }
}
