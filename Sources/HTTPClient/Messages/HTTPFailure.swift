/// How a request ended.
package enum HTTPOutcome: Sendable {
    /// A whole answer of any status came; 3xx are not followed.
    case answered(HTTPAnswer)
    /// No whole answer came, and perhaps nothing was sent.
    case failed(HTTPFailure)
}

/// Why there is no whole answer, and whether the request may have had an effect all the same.
package struct HTTPFailure: Error, Hashable, Sendable {
    /// What went wrong.
    package let kind: Kind

    /// False only when it is certain that no byte of the request left this machine; any doubt is true.
    package let requestMayHaveArrived: Bool

    /// What came of the answer before it broke off, if at least its status did.
    package let partialAnswer: HTTPAnswer?

    /// What libcurl or OpenSSL said; empty if they were not asked. May name the host, never a header or a body.
    package let detail: String

    /// How long it took until then.
    package let durations: HTTPDurations

    /// A failure without partial answer unless one is given.
    package init(
        _ kind: Kind,
        requestMayHaveArrived: Bool,
        partialAnswer: HTTPAnswer? = nil,
        detail: String = "",
        durations: HTTPDurations = HTTPDurations(),
    ) {
        self.kind = kind
        self.requestMayHaveArrived = requestMayHaveArrived
        self.partialAnswer = partialAnswer
        self.detail = detail
        self.durations = durations
    }
}

// MARK: - Kinds

extension HTTPFailure {
    /// What went wrong.
    package enum Kind: Hashable, Sendable {
        /// An address of the target must not be connected to.
        case refusedByPolicy(AddressRefusal)
        /// The target's name has no addresses, as far as we could find out.
        case resolve(Resolver.Failure)
        /// None of the addresses took the connection.
        case connect
        case tls(TLSProblem)
        case timedOut(Phase)
        /// The answer went beyond a limit and the connection was cut.
        case tooLarge(Part)
        /// What came is not an HTTP/1.x answer.
        case malformedAnswer
        /// The connection ended before the answer did.
        case connectionLost
        /// A connection left open by an earlier request died under this one, and a repetition was prevented.
        case resendPrevented
        /// The caller's task was cancelled, or the client stopped.
        case cancelled
        /// Too many requests wait already; nothing was tried.
        case queueFull
        /// libcurl failed in itself, such as for want of memory; the number is its `CURLcode`.
        case internalFault(code: Int)
    }

    /// What a request was waiting for when its time was up.
    package enum Phase: String, Hashable, Sendable {
        case queue
        case connect
        case handshake
        case answer
        case body
    }

    /// What of an answer went beyond its limit.
    package enum Part: String, Hashable, Sendable {
        case head
        case body
    }

    /// Why no trusted TLS connection came about.
    package enum TLSProblem: Hashable, Sendable {
        case expired
        case notYetValid
        case wrongName
        /// The certificate is self-signed, or no authority that we trust vouches for it.
        case untrusted
        case revoked
        /// Another fault of the certificate; the number is OpenSSL's `X509_V_ERR_…`.
        case otherCertificateFault(code: Int)
        /// The handshake itself failed, such as for want of a common version.
        case handshake
    }
}

extension HTTPFailure: CustomStringConvertible {
    /// What went wrong in a few words, without the library's own.
    package var description: String {
        switch kind {
        case .refusedByPolicy(let refusal): "refused: \(refusal)"
        case .resolve(let failure): "\(failure)"
        case .connect: "could not connect"
        case .tls(let problem): "TLS: \(problem)"
        case .timedOut(let phase): "timed out (\(phase.rawValue))"
        case .tooLarge(let part): "the answer's \(part.rawValue) is too large"
        case .malformedAnswer: "the answer is malformed"
        case .connectionLost: "the connection was lost"
        case .resendPrevented: "the connection was lost, and the request not repeated"
        case .cancelled: "cancelled"
        case .queueFull: "too many requests are waiting"
        case .internalFault(let code): "internal fault \(code)"
        }
    }
}

extension HTTPFailure.TLSProblem: CustomStringConvertible {
    /// One clause in plain words.
    package var description: String {
        switch self {
        case .expired: "the certificate has expired"
        case .notYetValid: "the certificate is not valid yet"
        case .wrongName: "the certificate is for another name"
        case .untrusted: "no trusted authority vouches for the certificate"
        case .revoked: "the certificate is revoked"
        case .otherCertificateFault(let code): "the certificate is not acceptable (\(code))"
        case .handshake: "the handshake failed"
        }
    }
}
