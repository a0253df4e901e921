import CCrypto

/// A SHA-256 computation that is used again after each ``finalize()``, because setting one up costs more than a block.
///
/// Owns one `EVP_MD_CTX`. A failure of libcrypto here means that memory has run out, and stops the process.
@safe package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex2(context, Algorithm.sha256, nil) == 1
        else {
            preconditionFailure("libcrypto has no memory for a SHA-256 context")
        }
        unsafe self.context = context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: [UInt8]) {
        update(bytes, in: 0..<bytes.count)
    }

    /// Adds the bytes at the positions `range`.
    package mutating func update(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range outside the bytes")
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            let done = unsafe EVP_DigestUpdate(context, base + range.lowerBound, range.count)
            precondition(done == 1, "libcrypto refused bytes to hash")
        }
    }

    /// Adds the 32 bytes of a digest.
    package mutating func update(_ digest: Digest) {
        update(digest.bytes)
    }

    /// Adds one byte.
    package mutating func update(_ byte: UInt8) {
        let done = unsafe withUnsafeBytes(of: byte) { unsafe EVP_DigestUpdate(context, $0.baseAddress, 1) }
        precondition(done == 1, "libcrypto refused bytes to hash")
    }

    /// The digest of what was added; the computation then starts anew.
    package mutating func finalize() -> Digest {
        let digest = unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Digest.byteCount) { output in
            let done = unsafe EVP_DigestFinal_ex(context, output.baseAddress, nil)
            precondition(done == 1, "libcrypto could not finish a digest")
            return Digest { unsafe output[$0] }
        }
        let reset = unsafe EVP_DigestInit_ex2(context, nil, nil)
        precondition(reset == 1, "libcrypto could not start a digest again")
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
        let done = unsafe EVP_Digest(bytes, bytes.count, output.baseAddress, nil, Algorithm.sha1, nil)
        precondition(done == 1, "libcrypto has no SHA-1")
        count = 20
    }
}

/// Algorithms fetched once: a fetch takes locks and costs more than a digest.
enum Algorithm {
    nonisolated(unsafe) static let sha256 = unsafe fetchedDigest("SHA256")
    nonisolated(unsafe) static let sha1 = unsafe fetchedDigest("SHA1")

    private static func fetchedDigest(_ name: String) -> OpaquePointer {
        guard let digest = unsafe EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("libcrypto has no \(name)")
        }
        return unsafe digest
    }
}
