package import Cryptography

/// Keys derived from the one in the key file, each for one purpose.
///
/// `HMAC-SHA-256(master, label)`: knowing one says nothing of another, and only the master has to be kept.
package struct KeyRing: Sendable {
    /// Bytes of the master key.
    package static let masterByteCount = 32

    private let sealing: [UInt8]
    private let fingerprints: HMAC
    private let repeats: HMAC
    private let idempotency: HMAC

    /// Takes the 32 bytes of the key file.
    package init(master: [UInt8]) {
        precondition(master.count == KeyRing.masterByteCount, "the master key has 32 bytes")
        let derivation = HMAC(key: master)
        func derived(_ label: String) -> [UInt8] {
            derivation.code(of: Array("shareledger-key/v1 \(label)".utf8)).bytes
        }
        sealing = derived("seal")
        fingerprints = HMAC(key: derived("access-key-fingerprint"))
        repeats = HMAC(key: derived("repeat"))
        idempotency = HMAC(key: derived("idempotency-key"))
    }

    // MARK: Sealing

    /// Encrypts what must come back for sending; `context` binds it to the place where it is kept.
    package func seal(_ plaintext: [UInt8], context: String, randomness: Randomness = .system) -> [UInt8] {
        AESGCM.seal(plaintext, key: sealing, associatedData: Array(context.utf8), randomness: randomness)
    }

    /// Decrypts what ``seal(_:context:randomness:)`` made; throws for another key file, another place or altered bytes.
    package func open(_ sealed: [UInt8], context: String) throws(AESGCM.AuthenticationFailure) -> [UInt8] {
        try AESGCM.open(sealed, key: sealing, associatedData: Array(context.utf8))
    }

    // MARK: Keyed digests

    /// Recognises an access key without keeping it.
    package func fingerprint(ofAccessKey key: some Sequence<UInt8>) -> Digest {
        fingerprints.code(of: Array(key))
    }

    /// Recognises a message that repeats another byte for byte.
    package func repeatDigest(method: String, path: String, body: [UInt8]) -> Digest {
        repeats.code { sha256 in
            sha256.update(Array("\(method)\0\(path)\0".utf8))
            sha256.update(body)
        }
    }

    /// Recognises a caller's `Idempotency-Key` within its scope.
    package func idempotencyDigest(direction: Direction, agreement: String, method: String, path: String, key: [UInt8])
        -> Digest
    {
        var message: [UInt8] = []
        for word in [direction.rawValue, agreement, method, path] {
            message += Array(word.utf8) + [0]
        }
        return idempotency.code(of: message + key)
    }
}
