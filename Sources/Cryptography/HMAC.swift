/// HMAC-SHA-256 (RFC 2104) under one key of at most 64 bytes, of which the blocks are hashed once for all messages.
package struct HMAC: Sendable {
    private let inner: SHA256
    private let outer: SHA256

    package init(key: [UInt8]) {
        precondition(key.count <= 64, "keys of this program are 32 bytes")
        inner = HMAC.begun(key, with: 0x36)
        outer = HMAC.begun(key, with: 0x5C)
    }

    /// Computes the code of what `body` adds.
    package func code(of body: (inout SHA256) -> Void) -> Digest {
        var sha256 = inner
        body(&sha256)
        let digest = sha256.finalize()
        sha256 = outer
        sha256.update(digest)
        return sha256.finalize()
    }

    /// The code of a message.
    package func code(of message: [UInt8]) -> Digest {
        code { $0.update(message) }
    }

    private static func begun(_ key: [UInt8], with pad: UInt8) -> SHA256 {
        var block = [UInt8](repeating: pad, count: 64)
        for (index, byte) in key.enumerated() {
            block[index] ^= byte
        }
        var sha256 = SHA256()
        sha256.update(block)
        return sha256
    }
}
