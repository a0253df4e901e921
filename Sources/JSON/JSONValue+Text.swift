internal import CSIMDJSON

/// Why a JSON string has no text that could be stored or shown.
package enum JSONTextFault: Error, Sendable, Equatable {
    /// It holds `\u0000`, which PostgreSQL's `text` and C strings cannot.
    case containsNUL

    /// It holds half of a surrogate pair, which is no Unicode character.
    case containsLoneSurrogate
}

extension JSONValue {
    /// The decoded text; `nil` for what is no string, and where ``textFault`` names a fault.
    package var string: String? {
        let node = node
        guard Int(node.kind) == CSIMDJSON_STRING, textFault == nil else { return nil }
        let content = storage.bytes[Int(node.start) + 1..<Int(node.end) - 1]
        guard Int(node.flags) & CSIMDJSON_VALUE_ESCAPED != 0 else { return String(decoding: content, as: UTF8.self) }
        return String(decoding: JSONEscapes.decoded(content), as: UTF8.self)
    }

    /// Why a string cannot be decoded; found while parsing, so that asking costs nothing.
    package var textFault: JSONTextFault? {
        let flags = Int(node.flags)
        if flags & CSIMDJSON_VALUE_HAS_NUL != 0 { return .containsNUL }
        return flags & CSIMDJSON_VALUE_HAS_LONE_SURROGATE != 0 ? .containsLoneSurrogate : nil
    }

    /// How many bytes a string takes between its quotes, as written; 0 for what is no string.
    package var stringByteCount: Int {
        let node = node
        return Int(node.kind) == CSIMDJSON_STRING ? Int(node.end - node.start) - 2 : 0
    }

    /// Whether a string, decoded, is exactly this text; allocates only where it is written with escapes.
    package func isString(_ text: String) -> Bool {
        let node = node
        guard Int(node.kind) == CSIMDJSON_STRING else { return false }
        let content = storage.bytes[Int(node.start) + 1..<Int(node.end) - 1]
        return Int(node.flags) & CSIMDJSON_VALUE_ESCAPED == 0
            ? content.elementsEqual(text.utf8)
            : JSONEscapes.decoded(content).elementsEqual(text.utf8)
    }
}

/// Decoding of what stands between the quotes of a valid JSON string.
package enum JSONEscapes {
    /// The text in UTF-8; a lone surrogate becomes the three bytes of WTF-8, so that different names stay different.
    package static func decoded(_ content: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(content.count)
        var rest = content
        while let backslash = rest.firstIndex(of: UInt8(ascii: "\\")) {
            decoded += rest[..<backslash]
            rest = rest[(backslash + 1)...]
            guard let letter = rest.popFirst() else { break }
            switch letter {
            case UInt8(ascii: "b"): decoded.append(0x08)
            case UInt8(ascii: "f"): decoded.append(0x0C)
            case UInt8(ascii: "n"): decoded.append(0x0A)
            case UInt8(ascii: "r"): decoded.append(0x0D)
            case UInt8(ascii: "t"): decoded.append(0x09)
            case UInt8(ascii: "u"): append(takeCodePoint(&rest), to: &decoded)
            default: decoded.append(letter)
            }
        }
        return decoded + rest
    }

    /// Takes four hex digits and, after a high surrogate, the escape of its low one.
    private static func takeCodePoint(_ rest: inout ArraySlice<UInt8>) -> UInt32 {
        let unit = takeUnit(&rest)
        guard 0xD800...0xDBFF ~= unit, rest.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else { return unit }
        var following = rest.dropFirst(2)
        let low = takeUnit(&following)
        guard 0xDC00...0xDFFF ~= low else { return unit }
        rest = following
        return 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    }

    private static func takeUnit(_ rest: inout ArraySlice<UInt8>) -> UInt32 {
        var unit: UInt32 = 0
        for digit in rest.prefix(4) {
            unit = unit << 4 + UInt32(digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57)
        }
        rest = rest.dropFirst(4)
        return unit
    }

    private static func append(_ codePoint: UInt32, to bytes: inout [UInt8]) {
        func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: codePoint >> shift & 0x3F | 0x80) }
        switch codePoint {
        case ..<0x80: bytes.append(UInt8(codePoint))
        case ..<0x800: bytes += [UInt8(codePoint >> 6 | 0xC0), tail(0)]
        case ..<0x10000: bytes += [UInt8(codePoint >> 12 | 0xE0), tail(6), tail(0)]
        default: bytes += [UInt8(codePoint >> 18 | 0xF0), tail(12), tail(6), tail(0)]
        }
    }
}
