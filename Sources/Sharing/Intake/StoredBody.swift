package import JSON
package import Ledger
import TicketSharing

/// A body as it is stored: without credentials, cut into chunks, and known to fit `jsonb` or not.
package struct StoredBody: Sendable {
    package let bytes: [UInt8]
    package let splices: [Splice]
    package let chunks: ChunkBoundaries

    /// ``bytes`` as read; `nil` where they are no JSON.
    package let document: JSONDocument?

    /// Whether PostgreSQL can cast it to `jsonb`.
    package let isCastable: Bool

    /// Cuts credentials out of a body and finds its chunks.
    ///
    /// A body that could not be read is kept as its length only where it is an agreement's or speaks of an access key: the
    /// key could stand anywhere in it.
    ///
    /// - Parameter document: The body as read, where it could be.
    package init(
        _ body: [UInt8],
        document: JSONDocument?,
        isAgreement: Bool,
        secrets: [[UInt8]],
        maximumDepth: Int,
    ) {
        guard let document else {
            let isHidden = isAgreement || CredentialCutter.holds([Self.keyMember], in: body)
            bytes =
                isHidden
                ? Array("[\(body.count) bytes that could not be read]".utf8)
                : CredentialCutter.cut(body, secrets: secrets).stored
            splices = []
            chunks = .whole
            self.document = nil
            isCastable = false
            return
        }
        let ranges = AgreementMessage.credentialRanges(in: document).compactMap { range in
            Self.content(of: range, in: body) ?? (isAgreement ? range : nil)
        }
        let cut = CredentialCutter.cut(body, ranges: ranges, secrets: secrets)
        bytes = cut.stored
        splices = cut.splices
        // A credential that stood outside a string leaves no JSON behind; then the whole is one chunk.
        let stored = cut.splices.isEmpty ? document : try? JSONDocument(parsing: cut.stored, maximumDepth: maximumDepth)
        self.document = stored
        chunks = stored.map(ChunkBoundaries.init(of:)) ?? .whole
        isCastable = stored?.isCastableToJSONB ?? false
    }

    private static let keyMember = Array("access_key".utf8)

    /// The bytes between the quotes of a string; `nil` for any other value.
    private static func content(of range: Range<Int>, in body: [UInt8]) -> Range<Int>? {
        guard range.count >= 2, body[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return range.lowerBound + 1..<range.upperBound - 1
    }
}

extension ChunkBoundaries {
    /// Cuts at each member of an object, and at each element of `comments` in place of that member.
    package init(of document: JSONDocument) {
        guard document.root.kind == .object else {
            self = .whole
            return
        }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(16)
        for member in document.root.members {
            if member.value.kind == .array, member.value.count > 0, member.isNamed("comments") {
                for comment in member.value.elements {
                    ranges.append(comment.byteRange)
                }
            } else {
                ranges.append(member.byteRange)
            }
        }
        self.init(marking: ranges)
    }
}

extension JSONDocument {
    /// Whether PostgreSQL's `jsonb` can hold all of it: no NUL, no half surrogate pair, no number beyond `numeric`.
    ///
    /// PostgreSQL 15 takes 131,072 digits before the point and 16,383 after it; what comes near is said not to fit.
    package var isCastableToJSONB: Bool {
        !holdsUnreadableText && numbers.allSatisfy(\.isModestNumber)
    }
}

extension JSONValue {
    fileprivate var isModestNumber: Bool {
        let digits = rawBytes
        guard digits.count <= 1000 else { return false }
        guard let mark = digits.firstIndex(where: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }) else {
            return true
        }
        let exponent = digits[(mark + 1)...].drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        return Int(String(decoding: exponent, as: UTF8.self)).map { $0 <= 1000 } ?? false
    }
}
