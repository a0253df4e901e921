/// Tells by what a source is counted: whoever has one IPv6 address has all of its /64.
package enum SourceNetwork {
    /// The /64 of an IPv6 address, the IPv4 address in a mapped one, and anything else as it is.
    package static func of(_ source: String) -> String {
        guard source.utf8.contains(UInt8(ascii: ":")), let groups = groups(of: source) else { return source }
        if groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF {
            return groups[6...].flatMap { ["\($0 >> 8)", "\($0 & 0xFF)"] }.joined(separator: ".")
        }
        return groups[..<4].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }

    /// The eight groups of an IPv6 address in any form of RFC 4291; `nil` for anything else, as one with a zone.
    private static func groups(of text: String) -> [UInt16]? {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard let first = halves.first.flatMap({ words(of: $0, mayEndDotted: halves.count == 1) }) else { return nil }
        switch halves.count {
        case 1: return first.count == 8 ? first : nil
        case 2:
            guard let last = words(of: halves[1], mayEndDotted: true), first.count + last.count < 8 else { return nil }
            return first + Array(repeating: 0, count: 8 - first.count - last.count) + last
        default: return nil
        }
    }

    private static func words(of text: Substring, mayEndDotted: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var quad: [UInt16] = []
        if mayEndDotted, let last = parts.last, last.contains(".") {
            let octets = last.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
            guard octets.count == 4 else { return nil }
            quad = [UInt16(octets[0]) << 8 | UInt16(octets[1]), UInt16(octets[2]) << 8 | UInt16(octets[3])]
            parts.removeLast()
        }
        let words = parts.compactMap { $0.utf8.count <= 4 ? UInt16($0, radix: 16) : nil }
        return words.count == parts.count ? words + quad : nil
    }
}
