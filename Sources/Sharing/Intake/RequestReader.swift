package import Cryptography
import JSON
package import Ledger
package import TicketSharing

/// Turns requests into ``Capture``s: the one place where a body is read and where credentials are cut out.
package struct RequestReader: Sendable {
    /// Bounds of what is read.
    package struct Limits: Sendable {
        /// Levels of nesting in a body.
        package var depth = 64
        package var agreementByteCount = 64 * 1024
        package var ticket = TicketLimits.standard

        package init() {}
    }

    /// Different keys that a request may hold: each is searched for in all of it.
    static let secretCount = 8

    /// Bytes of a body that are kept of a request that fails authentication.
    package static let keptByteCount = 4096

    let keys: KeyRing
    let knownKeys: KnownKeys
    let limits: Limits
    let randomness: Randomness

    /// - Parameter knownKeys: Access keys that are looked for in the head of every request, and in all of a refused one.
    package init(
        keys: KeyRing,
        knownKeys: KnownKeys = KnownKeys(),
        limits: Limits = Limits(),
        randomness: Randomness = .system,
    ) {
        self.keys = keys
        self.knownKeys = knownKeys
        self.limits = limits
        self.randomness = randomness
    }

    /// Reads a request that came in at `now`.
    ///
    /// - Parameter operator: Who gave the command, for a request that one of our own commands makes; it needs no token.
    /// - Parameter reason: Why, for the record.
    package func read(
        _ request: IncomingRequest,
        at now: Timestamp,
        operator: String? = nil,
        reason: String? = nil,
    ) -> Capture {
        var target = target(of: request)
        let credential = credential(of: request, target: target, operator: `operator`)
        var content = Capture.Content.none
        var document: JSONDocument?
        var fault: ProtocolFault?
        do throws(ProtocolFault) {
            try checkHead(of: request, target: target)
            content = try self.content(of: request, target: target, document: &document)
        } catch {
            fault = error
        }
        let pathFault = target == nil ? fault : nil
        var secrets = presentedSecrets(of: request) + (document.map { AgreementMessage.secrets(in: $0) } ?? [])
        let hasTooManySecrets = secrets.count > Self.secretCount && Set(secrets).count > Self.secretCount
        if hasTooManySecrets {
            let detail = "a request holds at most \(Self.secretCount) access keys"
            fault = ProtocolFault(.unprocessable, .overLimit, detail)
            document = nil
            secrets = Array(Set(secrets).prefix(Self.secretCount))
        }
        if let id = request.route?.identifier, CredentialCutter.holds(secrets, in: id) {
            // What names an agreement or a ticket stands in leaves and tables, so it can hold no secret.
            target = nil
            fault = ProtocolFault(.unprocessable, .invalidValue, "the uuid in the path must not hold an access key")
        }
        let agreement = agreement(target: target, credential: credential)
        let identifier = request.route?.identifier ?? ""
        let furtherSecrets =
            otherSecrets(of: request, except: [identifier, agreement?.text ?? ""]) + foreignSecrets(of: request)
        secrets += furtherSecrets
        // Told only to who may act: otherwise the answer would tell a guessed key from a wrong one.
        let isTargetSecret = CredentialCutter.holds(furtherSecrets, in: identifier)
        if isTargetSecret {
            let detail = "the uuid in the path must not hold an access key"
            fault = fault ?? ProtocolFault(.unprocessable, .invalidValue, detail)
        }
        let idempotencyKey = idempotencyKey(of: request, agreement: agreement, secrets: secrets)
        var committer = Committer(randomness: randomness, partCount: 3)
        let exchange = committer.exchange(at: now)
        let stored = storedParts(
            of: request,
            document: document,
            isHidden: hasTooManySecrets,
            isWhole: fault != nil,
            secrets: secrets,
            exchange: exchange,
            with: &committer,
        )
        do throws(ProtocolFault) {
            _ = try idempotencyKey.get()
            if fault == nil, let body = stored.body, !body.splices.isEmpty {
                content = try contentAsStored(content, body)
            }
        } catch {
            fault = fault ?? error
        }
        return Capture(
            exchange: exchange,
            direction: request.direction,
            method: request.method,
            target: target,
            isTargetSecret: isTargetSecret,
            partner: request.partner,
            source: CredentialCutter.masked(request.source, secrets: secrets),
            credential: credential,
            content: content,
            body: request.body,
            secrets: secrets,
            knownKeys: knownKeys,
            fault: fault,
            pathFault: pathFault,
            parts: stored.parts,
            castableBody: stored.body?.isCastable,
            digest: keys.repeatDigest(method: request.method, path: request.target, body: request.body),
            idempotencyKey: try? idempotencyKey.get(),  // A failure was noted as the request's fault above.
            traceparent: request.text(of: "traceparent").map {
                String(CredentialCutter.masked($0, secrets: secrets).prefix(256))
            },
            operator: `operator`,
            reason: reason,
        )
    }

    // MARK: Head

    private func target(of request: IncomingRequest) -> Capture.Target? {
        switch request.route?.resource {
        case .agreements: AgreementID(request.route?.identifier ?? "").map { .agreement($0) }
        case .tickets: TicketID(request.route?.identifier ?? "").map { .ticket($0) }
        case nil: nil
        }
    }

    private func checkHead(of request: IncomingRequest, target: Capture.Target?) throws(ProtocolFault) {
        guard let route = request.route else {
            throw ProtocolFault(.notFound, .unknownResource, "there is nothing of the protocol at this path")
        }
        guard let method = RequestMethod(rawValue: request.method), route.resource.methods.contains(method) else {
            throw .methodNotAllowed(on: route.resource)
        }
        try ProtocolVersion.check(header: request.text(of: ProtocolVersion.headerName))
        guard target != nil else {
            let form = "1 to 255 characters of A-Z a-z 0-9 . _ ~ - and not only dots"
            throw ProtocolFault(.unprocessable, .invalidValue, "the uuid in the path must be \(form)")
        }
        if method.hasBody {
            try ContentType.check(header: request.text(of: "Content-Type"))
        }
        guard !request.isBodyCut else {
            throw ProtocolFault(.unprocessable, .overLimit, "the body is larger than is accepted")
        }
    }

    // MARK: Credentials

    private func credential(
        of request: IncomingRequest,
        target: Capture.Target?,
        operator: String?,
    ) -> Capture.Credential {
        if `operator` != nil, case .agreement(let id) = target { return .trusted(id) }
        let values = request.values(of: Token.headerName)
        guard values.count < 2 else { return .malformed }
        do throws(TokenFault) {
            let token = try Token(header: values.first.map { String(decoding: $0, as: UTF8.self) })
            return .token(token.agreement, fingerprint: keys.fingerprint(ofAccessKey: token.key.secret.utf8))
        } catch {
            return error == .missing ? .missing : .malformed
        }
    }

    private func agreement(target: Capture.Target?, credential: Capture.Credential) -> AgreementID? {
        if case .agreement(let id) = target { return id }
        if case .token(let id, _) = credential { return id }
        return nil
    }

    private func idempotencyKey(
        of request: IncomingRequest,
        agreement: AgreementID?,
        secrets: [[UInt8]],
    ) -> Result<Capture.IdempotencyKey?, ProtocolFault> {
        let values = request.values(of: "Idempotency-Key")
        guard let value = values.first, let agreement else { return .success(nil) }
        guard values.count == 1, (1...255).contains(value.count), value.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            let form = "one value of 1 to 255 printable ASCII characters"
            return .failure(ProtocolFault(.unprocessable, .invalidValue, "Idempotency-Key must be \(form)"))
        }
        let digest = keys.idempotencyDigest(
            direction: request.direction,
            agreement: agreement.text,
            method: request.method,
            path: request.target,
            key: Array(value),
        )
        let text = CredentialCutter.masked(String(decoding: value, as: UTF8.self), secrets: secrets)
        return .success(Capture.IdempotencyKey(text: text, digest: digest))
    }

    // MARK: Body

    private func content(
        of request: IncomingRequest,
        target: Capture.Target?,
        document: inout JSONDocument?,
    ) throws(ProtocolFault) -> Capture.Content {
        guard let method = RequestMethod(rawValue: request.method), method.hasBody, let target else { return .none }
        switch target {
        case .agreement(let id):
            guard request.body.count <= limits.agreementByteCount else {
                let limit = limits.agreementByteCount
                throw ProtocolFault(.unprocessable, .overLimit, "an agreement message has at most \(limit) bytes")
            }
            let parsed = try parse(request.body)
            document = parsed
            return .agreement(try AgreementMessage(parsed, id: id))
        case .ticket(let id):
            let parsed = try parse(request.body)
            document = parsed
            return .ticket(try TicketMessage(parsed, isShare: method == .post, id: id, limits: limits.ticket))
        }
    }

    /// What a body says once credentials are cut out of it: it is folded from what is stored, so that decides as well.
    ///
    /// A key in a text of a ticket becomes a placeholder; where it leaves no valid message behind, the message is refused.
    private func contentAsStored(_ content: Capture.Content, _ body: StoredBody) throws(ProtocolFault)
        -> Capture.Content
    {
        guard let document = body.document else {
            throw ProtocolFault(.unprocessable, .invalidValue, "an access key must not stand outside a string")
        }
        switch content {
        case .none: return .none
        case .ticket(let message):
            return .ticket(try TicketMessage(document, isShare: false, id: message.id, limits: limits.ticket))
        case .agreement(let message):
            let stored = try AgreementMessage(document, id: message.id)
            guard stored.name == message.name, stored.senderURL?.text == message.senderURL?.text,
                stored.receiverURL?.text == message.receiverURL?.text
            else {
                let detail = "name, sender_url and receiver_url must not hold the access key"
                throw ProtocolFault(.unprocessable, .invalidValue, detail)
            }
            return .agreement(message)
        }
    }

    private func parse(_ bytes: [UInt8]) throws(ProtocolFault) -> JSONDocument {
        do {
            return try JSONDocument(parsing: bytes, maximumDepth: limits.depth)
        } catch {
            throw ProtocolFault(error)
        }
    }
}
