/// A SHA-256 value: 32 bytes, compared in constant time.
package struct Digest: Sendable, Hashable {
    /// Number of bytes in a digest.
    package static let byteCount = 32

    /// The bytes as they lie in memory.
    private var words = SIMD4<UInt64>()

    /// Takes exactly 32 bytes; `nil` for any other number.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.copyBytes(from: bytes) }
    }

    /// Takes the 32 bytes that `body` writes.
    init(writtenBy body: (UnsafeMutablePointer<UInt8>) -> Void) {
        unsafe withUnsafeMutableBytes(of: &words) { bytes in
            unsafe bytes.withMemoryRebound(to: UInt8.self) { bytes in
                guard let base = bytes.baseAddress else { return }
                unsafe body(base)
            }
        }
    }

    /// The 32 bytes, in order.
    package var bytes: [UInt8] {
        unsafe withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Lends the 32 bytes, in order.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe Swift.withUnsafeBytes(of: words) { unsafe body($0) }
    }

    /// Appends the 32 bytes to a buffer without an array between.
    package func append(to buffer: inout [UInt8]) {
        unsafe withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
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
