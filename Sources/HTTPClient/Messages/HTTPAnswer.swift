package import Cryptography

/// What came back for a request, complete or as far as it came.
package struct HTTPAnswer: Hashable, Sendable {
    /// The status code of the final answer, 200 to 999.
    package let status: Int

    /// Status line and headers of the final answer as they came, down to the empty line if it came.
    package let head: [UInt8]

    /// The body's first bytes, up to the limit, with no content coding removed.
    package let body: [UInt8]

    /// How many bytes of the body were read, kept or not.
    package let bodyByteCount: Int

    /// SHA-256 of all bytes of the body that were read; nil where all of them are in ``body``.
    package let bodyDigest: Digest?

    /// The address that answered.
    package let peer: Endpoint

    /// What secured the connection; nil for http.
    package let tls: HTTPSession?

    /// How long it took, stage by stage.
    package let durations: HTTPDurations

    /// Whether ``body`` is shorter than what was read.
    package var isBodyTruncated: Bool { body.count < bodyByteCount }

    /// The headers in order, without interim answers and trailers.
    package var headers: [HTTPHeader] { AnswerHead.headers(in: head) }
}

/// The TLS session over which an answer came.
package struct HTTPSession: Hashable, Sendable {
    /// Protocol versions that are accepted.
    package enum Version: String, Sendable {
        case tls12 = "TLSv1.2"
        case tls13 = "TLSv1.3"
    }

    /// The version that both sides agreed on.
    package let version: Version

    /// SHA-256 of the peer's certificate in DER, 32 bytes.
    package let certificateDigest: [UInt8]
}

/// How long the stages of a request took, each from the end of the one before.
package struct HTTPDurations: Hashable, Sendable {
    /// Waiting for a free place.
    package var queued = Duration.zero

    /// Connecting; zero on a connection that was open already.
    package var connect = Duration.zero

    /// The TLS handshake; zero on a connection that was open already, and for http.
    package var handshake = Duration.zero

    /// From there to the first byte of the answer.
    package var firstByte = Duration.zero

    /// From the call to the end.
    package var total = Duration.zero

    /// All zero: nothing was done.
    package init() {}
}
