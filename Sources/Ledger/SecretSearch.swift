import CLinux
import Glibc

/// Finds credentials in bytes of any kind, however they are escaped there, in time that grows with the bytes only.
enum SecretSearch {
    /// Secrets of fewer bytes are not searched for: they would be found in innocent text.
    private static let shortest = 8

    /// Where one of `secrets` stands, as it is or with characters of it written as escapes of JSON or of a URL.
    static func occurrences(of secrets: [[UInt8]], in bytes: [UInt8]) -> [Range<Int>] {
        var searched = secrets.filter { $0.count >= shortest }
        if searched.count > 1 { searched = Array(Set(searched)) }
        guard !searched.isEmpty else { return [] }
        let hasNumericEscapes = hasNumericEscapes(bytes)
        var decoded: Decoded?
        return searched.flatMap { secret in
            var found = matches(of: secret, in: bytes).map { $0..<$0 + secret.count }
            if hasNumericEscapes || secret.contains(where: isEscapedByLetter) {
                let text = decoded ?? Decoded(bytes)
                decoded = text
                found += matches(of: secret, in: text.bytes).map { start in
                    text.starts[start]..<text.starts[start + secret.count]
                }
            }
            return found
        }
    }

    /// Bytes with their escapes undone, and where in the original each begins; one entry more says where the last ends.
    struct Decoded {
        var bytes: [UInt8] = []
        var starts: [Int] = []

        init(_ original: [UInt8]) {
            bytes.reserveCapacity(original.count)
            starts.reserveCapacity(original.count + 1)
            var position = 0
            while position < original.count {
                let (value, length) = escape(at: position, in: original) ?? (original[position], 1)
                bytes.append(value)
                starts.append(position)
                position += length
            }
            starts.append(position)
        }
    }

    static func contains(_ text: [UInt8], in bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return false }
            return unsafe linux_find(base, bytes.count, text, text.count) != nil
        }
    }

    /// The matches that do not overlap; no text makes the C library's search slow.
    private static func matches(of secret: [UInt8], in bytes: [UInt8]) -> [Int] {
        unsafe bytes.withUnsafeBytes { text in
            var found: [Int] = []
            var start = 0
            while let base = text.baseAddress,
                let match = unsafe linux_find(base + start, text.count - start, secret, secret.count)
            {
                let index = unsafe match - base
                found.append(index)
                start = index + secret.count
            }
            return found
        }
    }
}

// MARK: - Escapes

extension SecretSearch {
    /// Whether `\u…` or `%…` may stand for any character.
    static func hasNumericEscapes(_ bytes: [UInt8]) -> Bool {
        let marks = [UInt8(ascii: "%"), UInt8(ascii: "\\")]
        guard marks.contains(where: { holds($0, bytes) }) else { return false }
        var isAfterBackslash = false
        for byte in bytes {
            if byte == UInt8(ascii: "%") || (isAfterBackslash && byte == UInt8(ascii: "u")) { return true }
            isAfterBackslash = byte == UInt8(ascii: "\\")
        }
        return false
    }

    private static func holds(_ byte: UInt8, _ bytes: [UInt8]) -> Bool {
        unsafe bytes.withUnsafeBytes { text in
            guard let base = text.baseAddress else { return false }
            return unsafe memchr(base, Int32(byte), text.count) != nil
        }
    }

    /// Whether JSON may write a character as a backslash and itself.
    private static func isEscapedByLetter(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "/")
    }

    /// The ASCII character that an escape stands for, and how many bytes it takes.
    private static func escape(at position: Int, in bytes: [UInt8]) -> (value: UInt8, length: Int)? {
        switch bytes[position] {
        case UInt8(ascii: "%"):
            return number(bytes[(position + 1)...].prefix(2), digitCount: 2).map { ($0, 3) }
        case UInt8(ascii: "\\") where position + 1 < bytes.count:
            let letter = bytes[position + 1]
            guard letter == UInt8(ascii: "u") else { return (letter, 2) }
            return number(bytes[(position + 2)...].prefix(4), digitCount: 4).map { ($0, 6) }
        default:
            return nil
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>, digitCount: Int) -> UInt8? {
        guard digits.count == digitCount else { return nil }
        var number = 0
        for digit in digits {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
            number = number << 4 | value
        }
        return UInt8(exactly: number)
    }
}
