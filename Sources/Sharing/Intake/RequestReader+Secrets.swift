import JSON
import Ledger
import TicketSharing

extension RequestReader {
    /// Whatever stands in the token's place, well-formed or not: it must not be stored wherever else it stands.
    func presentedSecrets(of request: IncomingRequest) -> [[UInt8]] {
        request.values(of: Token.headerName).map { value in
            let key = value.firstIndex(of: UInt8(ascii: ":")).map { value[($0 + 1)...] } ?? value
            return Array(key.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
        }
    }
}

// MARK: - Keys in other places

extension RequestReader {
    /// What stands in further fields whose names say that they hold a credential, as far as it looks like one.
    ///
    /// - Parameter identifiers: What names the agreement and the ticket, and is no secret unless `Authorization` says so.
    func otherSecrets(of request: IncomingRequest, except identifiers: [String]) -> [[UInt8]] {
        let separators = " \t,;\"".utf8
        var found: Set<[UInt8]> = []
        for field in request.fields {
            guard isSecret(field.name), !isField(field.name, named: Token.headerName) else { continue }
            let isAuthorization = isField(field.name, named: "Authorization")
            for word in field.value.split(whereSeparator: separators.contains) {
                // `name=value` of a cookie, `agreement:key` of a token in the wrong field.
                let parts =
                    [word]
                    + [UInt8(ascii: "="), UInt8(ascii: ":")].compactMap { mark in
                        word.firstIndex(of: mark).map { word[($0 + 1)...] }
                    }
                found.formUnion(
                    parts.filter { part in
                        looksSecret(part)
                            && (isAuthorization || !identifiers.contains { part.elementsEqual($0.utf8) })
                    }.map(Array.init),
                )
            }
        }
        return Array(found.prefix(Self.secretCount))
    }

    private func looksSecret(_ word: ArraySlice<UInt8>) -> Bool {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return CredentialCutter.candidateLengths.contains(word.count) && word.contains(where: digits.contains)
            && word.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Access keys of any agreement that stand in the head of a request.
    func foreignSecrets(of request: IncomingRequest) -> [[UInt8]] {
        var head: [UInt8] = []
        head.reserveCapacity(1024)
        for text in [request.method, request.target, request.source] {
            head += text.utf8
            head.append(UInt8(ascii: " "))
        }
        for field in request.fields where !isField(field.name, named: Token.headerName) {
            head.append(UInt8(ascii: "\n"))
            head += field.name
            head.append(UInt8(ascii: "\n"))
            head += field.value
        }
        // A head is too short to hold too many.
        return knownKeys.found(in: head, with: keys) ?? []
    }

    /// Has the access key that an accepted message has brought searched for from now on.
    package func remember(_ capture: Capture) {
        guard case .agreement(let message) = capture.content, let key = message.accessKey else { return }
        knownKeys.insert([keys.fingerprint(ofAccessKey: key.secret.utf8)])
    }
}

extension AgreementMessage {
    /// The values of members named `access_key`, decoded.
    static func secrets(in document: JSONDocument) -> [[UInt8]] {
        let bytes = document.bytes
        return credentialRanges(in: document).map { range in
            guard bytes[range.lowerBound] == UInt8(ascii: "\"") else { return Array(bytes[range]) }
            return JSONEscapes.decoded(bytes[range].dropFirst().dropLast())
        }
    }
}

extension CredentialCutter {
    /// Whether one of `secrets` stands in a text.
    static func holds(_ secrets: [[UInt8]], in text: String) -> Bool {
        !secrets.isEmpty && holds(secrets, in: Array(text.utf8))
    }

    /// Whether one of `secrets` stands in some bytes.
    static func holds(_ secrets: [[UInt8]], in bytes: [UInt8]) -> Bool {
        !cut(bytes, secrets: secrets).splices.isEmpty
    }

    /// A text with a placeholder where one of `secrets` stood.
    static func masked(_ text: String, secrets: [[UInt8]]) -> String {
        secrets.isEmpty ? text : String(decoding: cut(Array(text.utf8), secrets: secrets).stored, as: UTF8.self)
    }
}
