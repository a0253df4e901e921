/// A credential that was cut out of a part: where it stood in the stored bytes and what stood there.
package struct Splice: Sendable, Equatable {
    /// What stands in the stored bytes instead.
    package static let placeholder = Array("[secret]".utf8)

    /// Byte offset of the placeholder in the stored bytes.
    package let offset: Int

    /// The bytes exactly as they stood, escapes and all.
    package let original: [UInt8]

    package init(offset: Int, original: [UInt8]) {
        self.offset = offset
        self.original = original
    }
}

/// What was cut out of a part, encrypted.
package struct SealedSplices: Sendable, Equatable {
    /// How many credentials it holds, which the event's facts say as well: see `Facts`.
    package let count: Int

    package let bytes: [UInt8]

    /// Encrypts splices; `nil` where there are none.
    package init?(_ splices: [Splice], with seal: (_ encoded: [UInt8]) -> [UInt8]) {
        guard !splices.isEmpty else { return nil }
        count = splices.count
        bytes = seal(splices.encoded)
    }
}

/// Cuts credentials out of bytes that are to be stored, and puts them back for sending.
package enum CredentialCutter {
    /// Replaces the bytes at `ranges`, and wherever one of `secrets` stands, by ``Splice/placeholder``.
    ///
    /// A secret is found with any of its characters written as an escape of JSON or of a URL, too; one of fewer than eight
    /// bytes is not searched for, as it would be found in innocent text.
    package static func cut(
        _ bytes: [UInt8],
        ranges: [Range<Int>] = [],
        secrets: [[UInt8]] = [],
    ) -> (stored: [UInt8], splices: [Splice]) {
        let found = ranges + SecretSearch.occurrences(of: secrets, in: bytes)
        guard !found.isEmpty else { return (bytes, []) }
        var stored: [UInt8] = []
        stored.reserveCapacity(bytes.count)
        var splices: [Splice] = []
        var end = 0
        for range in merged(found) {
            stored += bytes[end..<range.lowerBound]
            splices.append(Splice(offset: stored.count, original: Array(bytes[range])))
            stored += Splice.placeholder
            end = range.upperBound
        }
        stored += bytes[end...]
        return (stored, splices)
    }

    /// Whether some bytes stand in others, as they are.
    package static func contains(_ text: [UInt8], in bytes: [UInt8]) -> Bool {
        SecretSearch.contains(text, in: bytes)
    }

    /// Puts back what was cut out; `nil` where the splices do not fit the bytes.
    package static func restore(_ stored: [UInt8], _ splices: [Splice]) -> [UInt8]? {
        var bytes: [UInt8] = []
        var end = 0
        for splice in splices {
            let after = splice.offset + Splice.placeholder.count
            guard splice.offset >= end, after <= stored.count else { return nil }
            guard stored[splice.offset..<after].elementsEqual(Splice.placeholder) else { return nil }
            bytes += stored[end..<splice.offset]
            bytes += splice.original
            end = after
        }
        return bytes + stored[end...]
    }

    private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var merged: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound < last.upperBound {
                merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}

// MARK: - Stored form

extension [Splice] {
    /// `offset length LF bytes` a splice, numbers in decimal: what is encrypted beside the part.
    package var encoded: [UInt8] {
        flatMap { splice in
            [UInt8]("\(splice.offset) \(splice.original.count)\n".utf8) + splice.original
        }
    }

    /// Reads ``encoded``; `nil` for anything else.
    package init?(encoded: [UInt8]) {
        self = []
        var rest = encoded[...]
        while !rest.isEmpty {
            guard let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            let numbers = String(decoding: rest[..<lineEnd], as: UTF8.self).split(separator: " ").compactMap { Int($0) }
            rest = rest[(lineEnd + 1)...]
            guard numbers.count == 2, numbers[0] >= 0, (0...rest.count).contains(numbers[1]) else { return nil }
            append(Splice(offset: numbers[0], original: [UInt8](rest.prefix(numbers[1]))))
            rest = rest.dropFirst(numbers[1])
        }
    }
}
