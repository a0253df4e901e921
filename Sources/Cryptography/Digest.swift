/// A SHA-256 value: 32 bytes, compared in constant time.
package struct Digest: Sendable, Hashable {
    /// Number of bytes in a digest.
    package static let byteCount = 32

    private let words: SIMD4<UInt64>

    /// Takes exactly 32 bytes; `nil` for any other number.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        self.init { position in
            bytes[bytes.index(bytes.startIndex, offsetBy: position)]
        }
    }

    init(byteAt byte: (Int) -> UInt8) {
        var words = SIMD4<UInt64>()
        for word in 0..<4 {
            var value: UInt64 = 0
            for offset in 0..<8 {
                value = value << 8 | UInt64(byte(word * 8 + offset))
            }
            words[word] = value
        }
        self.words = words
    }

    /// The 32 bytes, in order.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Digest.byteCount)
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes to a buffer without an array between.
    package func append(to buffer: inout [UInt8]) {
        for word in 0..<4 {
            var value = words[word].byteSwapped
            for _ in 0..<8 {
                buffer.append(UInt8(truncatingIfNeeded: value))
                value >>= 8
            }
        }
    }

    /// Compares all 32 bytes whatever they hold, so that the time taken tells nothing of where two values differ.
    package static func == (lhs: Digest, rhs: Digest) -> Bool {
        let difference = lhs.words ^ rhs.words
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }
}

extension Digest: CustomStringConvertible {
    /// 64 lower-case hex digits.
    package var description: String {
        hexadecimal(bytes)
    }
}
