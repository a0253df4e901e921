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
