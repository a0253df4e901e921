import CCrypto

/// A SHA-256 computation, ready for the next one after each ``finalize()``.
///
/// A value: a copy goes on from where the original was.
package struct SHA256: Sendable {
    private var context = SHA256.begun

    private static let begun: SHA256_CTX = {
        var context = SHA256_CTX()
        let done = unsafe SHA256_Init(&context)
        precondition(done == 1, "libcrypto could not start a digest")
        return context
    }()

    package init() {}

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update(raw: $0) }
    }

    /// Adds the bytes at the positions `range`.
    package mutating func update(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range outside the bytes")
        unsafe bytes.withUnsafeBytes { unsafe update(raw: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// Adds the 32 bytes of a digest.
    package mutating func update(_ digest: Digest) {
        unsafe digest.withUnsafeBytes { unsafe update(raw: $0) }
    }

    /// Adds one byte.
    package mutating func update(_ byte: UInt8) {
        unsafe withUnsafeBytes(of: byte) { unsafe update(raw: $0) }
    }

    /// Adds the eight bytes of a number, most significant first.
    package mutating func update(networkOrder number: UInt64) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe update(raw: $0) }
    }

    private mutating func update(raw bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        let done = unsafe SHA256_Update(&context, base, bytes.count)
        precondition(done == 1, "libcrypto refused bytes to hash")
    }

    /// The digest of what was added; the computation then starts anew.
    package mutating func finalize() -> Digest {
        let digest = unsafe Digest { output in
            let done = unsafe SHA256_Final(output, &context)
            precondition(done == 1, "libcrypto could not finish a digest")
        }
        context = SHA256.begun
        return digest
    }

    /// The digest of `bytes` in one call.
    package static func hash(_ bytes: [UInt8]) -> Digest {
        var computation = SHA256()
        computation.update(bytes)
        return computation.finalize()
    }
}

/// The SHA-1 value of `bytes`, 20 bytes: for the identifiers of the protocol only, never for security.
package func sha1(_ bytes: [UInt8]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 20) { output, count in
        let digest = unsafe CCrypto.SHA1(bytes, bytes.count, output.baseAddress)
        precondition(unsafe digest != nil, "libcrypto has no SHA-1")
        count = 20
    }
}
