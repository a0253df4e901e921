import CCrypto

/// AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the sealed form is `nonce (12) | ciphertext | tag (16)`.
package enum AESGCM {
    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    /// Why sealed bytes could not be opened: another key, other associated data, or altered bytes; GCM cannot tell which.
    package struct AuthenticationFailure: Error {}

    /// Encrypts `plaintext` under a 32-byte key and binds it to `associatedData`.
    package static func seal(
        _ plaintext: [UInt8],
        key: [UInt8],
        associatedData: [UInt8],
        randomness: Randomness = .system,
    ) -> [UInt8] {
        precondition(key.count == 32, "AES-256 takes a key of 32 bytes")
        let nonce = randomness.bytes(nonceByteCount)
        let cipher = CipherContext(key: key, nonce: nonce, encrypts: true)
        cipher.authenticate(associatedData)
        let ciphertext = cipher.update(plaintext)
        let finished = cipher.finish()
        precondition(finished, "libcrypto could not finish an encryption")
        return nonce + ciphertext + cipher.tag(byteCount: tagByteCount)
    }

    /// Decrypts what ``seal(_:key:associatedData:randomness:)`` made, or throws without returning a byte of it.
    package static func open(
        _ sealed: [UInt8],
        key: [UInt8],
        associatedData: [UInt8],
    ) throws(AuthenticationFailure) -> [UInt8] {
        precondition(key.count == 32, "AES-256 takes a key of 32 bytes")
        guard sealed.count >= nonceByteCount + tagByteCount else { throw AuthenticationFailure() }
        let cipher = CipherContext(key: key, nonce: Array(sealed.prefix(nonceByteCount)), encrypts: false)
        cipher.authenticate(associatedData)
        let plaintext = cipher.update(Array(sealed.dropFirst(nonceByteCount).dropLast(tagByteCount)))
        cipher.expect(tag: Array(sealed.suffix(tagByteCount)))
        guard cipher.finish() else { throw AuthenticationFailure() }
        return plaintext
    }
}

/// Owns one `EVP_CIPHER_CTX` for one message.
@safe private struct CipherContext: ~Copyable {
    private let context: OpaquePointer
    private let encrypts: Bool

    init(key: [UInt8], nonce: [UInt8], encrypts: Bool) {
        guard let context = unsafe EVP_CIPHER_CTX_new(),
            unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypts ? 1 : 0) == 1
        else {
            preconditionFailure("libcrypto has no memory for AES-256-GCM")
        }
        unsafe self.context = context
        self.encrypts = encrypts
    }

    deinit {
        unsafe EVP_CIPHER_CTX_free(context)
    }

    borrowing func authenticate(_ associatedData: [UInt8]) {
        var count: Int32 = 0
        let done = unsafe EVP_CipherUpdate(context, nil, &count, associatedData, Int32(associatedData.count))
        precondition(done == 1, "libcrypto refused associated data")
    }

    borrowing func update(_ input: [UInt8]) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: input.count) { output, outputCount in
            var count: Int32 = 0
            guard !input.isEmpty else { return }
            let done = unsafe EVP_CipherUpdate(context, output.baseAddress, &count, input, Int32(input.count))
            precondition(done == 1 && Int(count) == input.count, "libcrypto refused bytes to encrypt")
            outputCount = Int(count)
        }
    }

    borrowing func finish() -> Bool {
        var count: Int32 = 0
        var nothing: UInt8 = 0
        return unsafe EVP_CipherFinal_ex(context, &nothing, &count) == 1
    }

    borrowing func tag(byteCount: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
            let done = unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(byteCount), output.baseAddress)
            precondition(done == 1, "libcrypto gave no tag")
            count = byteCount
        }
    }

    borrowing func expect(tag: [UInt8]) {
        var tag = tag
        let done = unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag)
        precondition(done == 1, "libcrypto refused a tag")
    }
}

private let EVP_CTRL_AEAD_GET_TAG: Int32 = 0x10
private let EVP_CTRL_AEAD_SET_TAG: Int32 = 0x11
