/// The `uuid` of a resource: an opaque name that the system of origin gave it.
///
/// By custom 40 hex digits of SHA-1, but real partners send other forms: 1 to 255 characters of `[A-Za-z0-9._~-]`,
/// not `.` or `..`, so that it can stand in any URL as it is. Upper and lower case differ.
package struct Identifier<Kind: IdentifiedKind>: Sendable, Hashable {
    /// The identifier as it is sent.
    package let text: String

    /// Takes what has the form of an identifier; `nil` for anything else.
    package init?(_ text: String) {
        guard IdentifierForm.matches(text.utf8) else { return nil }
        self.text = text
    }

    /// Takes what was checked before, when its document was read.
    init(checked text: String) {
        self.text = text
    }

    /// Makes the identifier of a resource that originates here: SHA-1 of `<base URL without scheme>/<type>/<local id>`.
    ///
    /// - Parameter digest: SHA-1, from whoever has a crypto library.
    package init(of localID: String, below base: BaseURL, digest: ([UInt8]) -> [UInt8]) {
        let hexDigits = Array("0123456789abcdef")
        let name = "\(base.schemeless)/\(Kind.resourceType)/\(localID)"
        let hash = digest(Array(name.utf8))
        precondition(hash.count == 20, "the digest must be SHA-1")
        text = String(hash.flatMap { [hexDigits[Int($0 >> 4)], hexDigits[Int($0 & 0xF)]] })
    }
}

extension Identifier: Comparable {
    /// Orders by bytes, upper case first.
    package static func < (lhs: Identifier, rhs: Identifier) -> Bool {
        lhs.text < rhs.text
    }
}

extension Identifier: CustomStringConvertible {
    /// The identifier as it is sent.
    package var description: String {
        text
    }
}

/// What an identifier is of, so that a ticket's is never taken for a comment's.
package protocol IdentifiedKind {
    /// The word for the kind in generated identifiers and in paths.
    static var resourceType: String { get }
}

/// Marks the identifiers of agreements.
package enum AgreementKind: IdentifiedKind {
    /// As in the path of an agreement.
    package static var resourceType: String { "agreements" }
}

/// Marks the identifiers of tickets.
package enum TicketKind: IdentifiedKind {
    /// As in the path of a ticket.
    package static var resourceType: String { "tickets" }
}

/// Marks the identifiers of comments.
package enum CommentKind: IdentifiedKind {
    /// As in generated identifiers alone.
    package static var resourceType: String { "comments" }
}

/// Marks the identifiers of actors.
package enum ActorKind: IdentifiedKind {
    /// As in generated identifiers alone.
    package static var resourceType: String { "actors" }
}

/// Names an agreement.
package typealias AgreementID = Identifier<AgreementKind>

/// Names a ticket, on both sides and under every agreement.
package typealias TicketID = Identifier<TicketKind>

/// Names a comment; a comment of a known name is never taken twice.
package typealias CommentID = Identifier<CommentKind>

/// Names a person or a program that acts on tickets.
package typealias ActorID = Identifier<ActorKind>

/// The form of an identifier, checked by one bit a character, as every message has dozens of identifiers.
enum IdentifierForm {
    private static let longest = 255
    private static let digitsAndSigns = bits(of: "0123456789.-", from: 0)
    private static let letters = bits(of: "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~", from: 64)

    static func matches(_ bytes: some Collection<UInt8>) -> Bool {
        let (low, high) = (digitsAndSigns, letters)
        guard 1...longest ~= bytes.count else { return false }
        for byte in bytes {
            let bits = byte < 64 ? low : byte < 128 ? high : 0
            guard bits >> UInt64(byte & 63) & 1 == 1 else { return false }
        }
        return bytes.count > 2 || !bytes.allSatisfy { $0 == UInt8(ascii: ".") }
    }

    private static func bits(of characters: String, from first: UInt8) -> UInt64 {
        characters.utf8.reduce(0) { $0 | 1 << UInt64($1 - first) }
    }
}
