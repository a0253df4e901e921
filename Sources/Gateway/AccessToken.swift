import Cryptography
package import HTTPServer

/// The bearer token of the private listener, compared in constant time.
package struct AccessToken: Sendable {
    private let digest: Digest

    package init(_ secret: String) {
        digest = SHA256.hash(Array(secret.utf8))
    }

    /// Whether a request carries the token as `Authorization: Bearer TOKEN`.
    package func isBorne(by request: HTTPRequest) -> Bool {
        let values = request.headers.all("Authorization")
        guard values.count == 1, let value = values.first else { return false }
        let words = value.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return false }
        // Digests have one length, so that the time taken tells nothing of the token's either.
        return SHA256.hash(Array(words[1].utf8)) == digest
    }
}
