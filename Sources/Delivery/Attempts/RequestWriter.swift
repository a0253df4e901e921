import Cryptography
import HTTPClient
import JSON
import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// Makes the requests that deliver messages: what stands in the ledger, with credentials, for who is to get it.
struct RequestWriter: Sendable {
    let settings: SharingSettings
    let keys: KeyRing
    let userAgent: String
    let randomness: Randomness

    /// The request that delivers a stored message.
    ///
    /// - Parameter exchange: The attempt's, to which credentials of a body of its own are bound.
    func request(for delivery: ClaimedDelivery, exchange: EventID) throws(Unsendable) -> OutgoingRequest {
        if let damage = delivery.factsDamage { throw Unsendable(damage) }
        let (method, path) = try target(of: delivery)
        let token = try token(of: delivery)
        var body: [UInt8] = []
        var recorded: RecordedBody?
        var secrets = secrets(of: token, for: delivery)
        if method.hasBody {
            let restored = try restoredBody(of: delivery)
            body = restored.bytes
            secrets += restored.secrets
            if let rewritten = try rewritten(body, for: delivery) {
                body = rewritten
                recorded = record(body, for: delivery, exchange: exchange, secrets: secrets)
            }
        }
        return OutgoingRequest(
            method,
            try url(of: delivery, path: path),
            protocolHeaders: dialect(of: delivery).headers(for: method, token: token),
            ownHeaders: ownHeaders(for: delivery, idempotencyKey: delivery.subject.messageID),
            body: body,
            recordedBody: recorded,
            secrets: secrets,
        )
    }

    /// One request of several that bring the destination to the state of a ticket.
    ///
    /// Each has a key of its own: with the message's, a repeat would be answered as the message was.
    func request(
        for delivery: ClaimedDelivery,
        state: StateMessage,
        method: RequestMethod,
        exchange: EventID,
    ) throws(Unsendable) -> OutgoingRequest {
        let path = try target(of: delivery).path
        let token = try token(of: delivery)
        let secrets = secrets(of: token, for: delivery)
        return OutgoingRequest(
            method,
            try url(of: delivery, path: path),
            protocolHeaders: dialect(of: delivery).headers(for: method, token: token),
            ownHeaders: ownHeaders(for: delivery, idempotencyKey: exchange),
            body: state.body,
            recordedBody: record(state.body, for: delivery, exchange: exchange, secrets: secrets),
            secrets: secrets,
        )
    }
}

// MARK: - Head

extension RequestWriter {
    private func target(of delivery: ClaimedDelivery) throws(Unsendable) -> (method: RequestMethod, path: String) {
        let method: RequestMethod =
            switch delivery.type {
            case .agreementInvited, .ticketShared: .post
            case .agreementUpdated, .ticketUpdated: .put
            case .ticketUnshared: .delete
            default: throw .forGood("an event of type \(delivery.type.rawValue) is no message")
            }
        if let ticket = delivery.subject.ticket { return (method, "\(Resource.tickets.rawValue)/\(ticket)") }
        return (method, "\(Resource.agreements.rawValue)/\(delivery.subject.agreement.text)")
    }

    private func url(of delivery: ClaimedDelivery, path: String) throws(Unsendable) -> HTTPURL {
        guard !delivery.isMisdirected else {
            throw .forGood("delivery.queue names another partner, message or share than the ledger does")
        }
        let base: BaseURL
        switch delivery.subject.destination {
        case .partner: base = delivery.partner.baseURL
        case .desk:
            guard let desk = settings.deskURL else { throw .forNow("there is no desk URL any more (--desk-url)") }
            base = desk
        case .sandbox:
            guard let sandbox = delivery.sandbox else { throw .forGood("the replay names no sandbox") }
            base = sandbox.baseURL
        }
        do throws(HTTPURL.Refusal) {
            return try HTTPURL(base.text).appending(path: path)
        } catch {
            throw .forGood("\(base.text) cannot be sent to: \(error)")
        }
    }

    private func dialect(of delivery: ClaimedDelivery) -> Dialect {
        delivery.subject.destination == .desk ? .standard : delivery.partner.dialect
    }

    /// Our desk gets the token that the message came with; a partner the key that it last acknowledged; a sandbox, which is
    /// told no key either, one with a placeholder.
    private func token(of delivery: ClaimedDelivery) throws(Unsendable) -> Token? {
        let isInvitation = delivery.type == .agreementInvited && delivery.kind == .message
        if isInvitation, delivery.subject.destination != .desk, !delivery.partner.dialect.invitesWithToken {
            return nil
        }
        if case .sandbox = delivery.subject.destination {
            return AccessKey(String(decoding: Splice.placeholder, as: UTF8.self)).map { placeholder in
                Token(agreement: delivery.subject.agreement, key: placeholder)
            }
        }
        guard let key = delivery.tokenKey else { return nil }
        let context = AgreementRecord.KeyVersion.context(stream: delivery.stream, number: key.number)
        guard let access = AccessKey(String(decoding: try open(key.sealed, context: context), as: UTF8.self)) else {
            throw .forGood("version \(key.number) of the access key cannot stand in a header")
        }
        return Token(agreement: delivery.subject.agreement, key: access)
    }

    /// What is cut out of all that is stored of the exchange.
    private func secrets(of token: Token?, for delivery: ClaimedDelivery) -> [[UInt8]] {
        guard let token, delivery.subject.destination.kind != .sandbox else { return [] }
        return [Array(token.key.secret.utf8)]
    }

    private func ownHeaders(for delivery: ClaimedDelivery, idempotencyKey: EventID) -> [HTTPHeader] {
        var headers = [HTTPHeader("User-Agent", userAgent), HTTPHeader("Idempotency-Key", "\(idempotencyKey)")]
        if delivery.subject.replay != nil {
            headers.append(HTTPHeader("ShareLedger-Replay-Of", "\(delivery.subject.messageID)"))
        }
        return headers
    }

    private func open(_ sealed: [UInt8], context: String) throws(Unsendable) -> [UInt8] {
        do throws(AESGCM.AuthenticationFailure) {
            return try keys.open(sealed, context: context)
        } catch {
            throw .otherKeyFile
        }
    }
}

// MARK: - Body

extension RequestWriter {
    private func restoredBody(of delivery: ClaimedDelivery) throws(Unsendable) -> (bytes: [UInt8], secrets: [[UInt8]]) {
        // What our desk gets is always what came in: a part `sent-body` is what a partner was sent.
        let isForDesk = delivery.subject.destination == .desk
        let isAsReceived = isForDesk || delivery.sentBody == nil
        switch isAsReceived ? delivery.body : delivery.sentBody {
        case nil: return ([], [])
        case .erased: throw .forGood("the message's body was erased")
        case .damaged(let damage): throw Unsendable(damage)
        case .present(let part) where delivery.subject.destination.kind == .sandbox: return (part.content, [])
        case .present(let part):
            do throws(CutRecord.Fault) {
                return try delivery.cuts.restore(part, of: delivery.messageExchange, keys: keys)
            } catch {
                switch error {
                case .incomplete:
                    throw Unsendable(PartFault(PartPlace(delivery.subject.message, part.name), .incomplete))
                case .sealed: throw .otherKeyFile
                case .unfit: throw .forGood("the message's credentials do not fit its body")
                }
            }
        }
    }

    /// An agreement message with the URLs by which our desk knows both sides; `nil` where nothing changes.
    private func rewritten(_ body: [UInt8], for delivery: ClaimedDelivery) throws(Unsendable) -> [UInt8]? {
        let subject = delivery.subject
        guard subject.destination == .desk, subject.ticket == nil,
            let desk = settings.deskURL
        else { return nil }
        let partner = "\(settings.privateURL.text)/to/\(subject.partnerName)"
        do {
            let message = try AgreementMessage(try JSONDocument(parsing: body), id: subject.agreement)
            let rewritten = URLRewriting.rewrite(
                body,
                message,
                senderURL: delivery.ourRole == .sender ? desk.text : partner,
                receiverURL: delivery.ourRole == .sender ? partner : desk.text,
            )
            return rewritten == body ? nil : rewritten
        } catch {
            throw .forGood("the agreement message cannot be read any more: \(error)")
        }
    }

    private func record(
        _ body: [UInt8],
        for delivery: ClaimedDelivery,
        exchange: EventID,
        secrets: [[UInt8]],
    ) -> RecordedBody {
        let stored = StoredBody(
            body,
            document: try? JSONDocument(parsing: body),  // What does not parse is stored as one chunk.
            isAgreement: delivery.subject.ticket == nil,
            secrets: secrets,
            maximumDepth: 64,
        )
        let splices = SealedSplices(stored.splices) { splices in
            let context = Splice.context(exchange: exchange, part: .sentBody)
            return keys.seal(splices, context: context, randomness: randomness)
        }
        return RecordedBody(bytes: stored.bytes, chunks: stored.chunks, splices: splices)
    }
}
