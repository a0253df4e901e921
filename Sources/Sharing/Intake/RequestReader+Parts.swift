import Cryptography
import JSON
package import Ledger
import TicketSharing

extension RequestReader {
    /// The parts of a request as they are stored, and the body among them.
    ///
    /// - Parameters:
    ///   - isHidden: Whether only the length of the body is kept, as keys may stand anywhere in it.
    ///   - isWhole: Whether the body is one chunk: nobody shows single members of what was refused.
    func storedParts(
        of request: IncomingRequest,
        document: JSONDocument?,
        isHidden: Bool,
        isWhole: Bool,
        secrets: [[UInt8]],
        exchange: EventID,
        with committer: inout Committer,
    ) -> (parts: [Part], body: StoredBody?) {
        let line = Array("\(request.method) \(maskedTarget(request.target)) \(request.version)".utf8)
        var parts = [
            committer.part(.requestLine, CredentialCutter.cut(line, secrets: secrets).stored),
            committer.part(.headers, CredentialCutter.cut(headers(of: request), secrets: secrets).stored),
        ]
        guard !request.body.isEmpty else { return (parts, nil) }
        let body = StoredBody(
            request.body,
            document: document,
            isAgreement: isHidden || request.route?.resource == .agreements,
            secrets: secrets,
            maximumDepth: limits.depth,
        )
        parts.append(
            committer.part(
                .body,
                body.bytes,
                chunks: isWhole ? .whole : body.chunks,
                splices: SealedSplices(body.splices) { splices in
                    let context = Splice.context(exchange: exchange, part: .body)
                    return keys.seal(splices, context: context, randomness: randomness)
                },
            ),
        )
        return (parts, body)
    }

    /// The protocol has no query, so what stands in one may be a credential in the wrong place.
    private func maskedTarget(_ target: String) -> String {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")), target.index(after: mark) < target.endIndex
        else { return target }
        return target[...mark] + String(decoding: Splice.placeholder, as: UTF8.self)
    }

    private func headers(of request: IncomingRequest) -> [UInt8] {
        var block = HeaderBlock()
        for field in request.fields {
            if isField(field.name, named: Token.headerName) {
                block.append(name: field.name, value: maskedToken(field.value)[...])
            } else if !isCommon(field.name), isSecret(field.name) {
                block.append(name: field.name, value: Splice.placeholder[...])
            } else {
                block.append(name: field.name, value: field.value)
            }
        }
        return block.bytes
    }

    /// Whether a field is one that every client sends, and of which it is known that it holds no credential.
    private func isCommon(_ name: ArraySlice<UInt8>) -> Bool {
        Self.commonFields.contains { isField(name, named: $0) }
    }

    /// Whether a field's name says that its value is a credential, be it ours in a field misspelt.
    func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        Self.secretWords.contains { holds($0, in: name) } && !Self.harmlessFields.contains { isField(name, named: $0) }
    }

    /// Whether `word`, in lower case, stands in a field's name in any case.
    private func holds(_ word: [UInt8], in name: ArraySlice<UInt8>) -> Bool {
        guard word.count <= name.count else { return false }
        return (name.startIndex...name.endIndex - word.count).contains { start in
            word.indices.allSatisfy { lowercased(name[start + $0]) == word[$0] }
        }
    }

    private static let commonFields = [
        "Host", "Content-Type", "Content-Length", "Accept", "Accept-Encoding", "Connection", "User-Agent",
    ]
    private static let harmlessFields = ["Idempotency-Key", ProtocolVersion.headerName]
    private static let secretWords = [
        "ticket-sharing", "token", "key", "secret", "auth", "cookie", "password", "credential", "session",
    ].map { Array($0.utf8) }

    /// The agreement's identifier stays, if it is one; anything else might be a key that was put in the wrong place.
    private func maskedToken(_ value: ArraySlice<UInt8>) -> [UInt8] {
        let identifier = value.prefix { $0 != UInt8(ascii: ":") }
        guard identifier.count < value.count, AgreementID(String(decoding: identifier, as: UTF8.self)) != nil else {
            return Splice.placeholder
        }
        return Array(identifier) + [UInt8(ascii: ":")] + Splice.placeholder
    }
}

extension Splice {
    /// The place that encrypted splices are bound to.
    package static func context(exchange: EventID, part: PartName) -> String {
        "splices \(exchange) \(part.rawValue)"
    }
}
