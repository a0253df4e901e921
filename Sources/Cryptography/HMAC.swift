/// HMAC-SHA-256 (RFC 2104) of `message` under a key of at most 64 bytes.
package func hmac(_ message: [UInt8], key: [UInt8], with sha256: inout SHA256) -> Digest {
    precondition(key.count <= 64, "keys of this program are 32 bytes")
    var block = [UInt8](repeating: 0x36, count: 64)
    for (index, byte) in key.enumerated() {
        block[index] ^= byte
    }
    sha256.update(block)
    sha256.update(message)
    let inner = sha256.finalize()
    for index in block.indices {
        block[index] ^= 0x36 ^ 0x5C
    }
    sha256.update(block)
    sha256.update(inner)
    return sha256.finalize()
}

/// HMAC-SHA-256 of `message` in one call.
package func hmac(_ message: [UInt8], key: [UInt8]) -> Digest {
    var sha256 = SHA256()
    return hmac(message, key: key, with: &sha256)
}
