package import Cryptography
package import Ledger
package import TicketSharing

/// A request taken in: read, its credentials cut out, its parts committed to, nothing decided yet.
///
/// All of it is made before the ledger's lock is taken, on as many threads as there are.
package struct Capture: Sendable {
    /// Names the HTTP exchange in all events that the request leads to.
    package let exchange: EventID

    package let direction: Direction
    package let method: String

    /// What the path names; `nil` where it names nothing of the protocol or no identifier could stand there.
    package let target: Target?

    /// Whether ``target`` holds an access key of some agreement, so that it must not be stored.
    let isTargetSecret: Bool

    /// The partner's name in the path, for a request of our own desk.
    package let partner: String?

    /// The address that refusals are counted by.
    package let source: String
    package let credential: Credential
    package let content: Content

    /// The body as received, credentials and all; never stored.
    package let body: [UInt8]

    /// The keys that came with the request, wherever they stood; never stored.
    let secrets: [[UInt8]]

    /// Access keys that must not be stored either if the request is refused, wherever they stand in it.
    let knownKeys: KnownKeys

    /// What is wrong with the request apart from its credential; the first fault that was found.
    package let fault: ProtocolFault?

    /// The fault where the path names nothing that could be, which anybody may be told.
    ///
    /// Whoever mistook our base URL learns that he did, and not that a token is wrong or that an invitation needs one.
    let pathFault: ProtocolFault?

    /// Request line, headers and, unless it is empty, body.
    package let parts: [Part]

    /// See ``EventDraft/castableBody``.
    package let castableBody: Bool?

    /// Equal for requests that are the same byte for byte.
    package let digest: Digest

    /// The caller's `Idempotency-Key`.
    package let idempotencyKey: IdempotencyKey?

    package let traceparent: String?

    /// The operator, where the request was made by one of our own commands.
    package let `operator`: String?

    /// Why that operator has it made, if a reason was given.
    package let reason: String?

    /// The resource that a path names.
    package enum Target: Sendable, Hashable {
        case agreement(AgreementID)
        case ticket(TicketID)
    }

    /// What stood in the token field.
    package enum Credential: Sendable, Equatable {
        case missing
        case malformed
        /// A token of this agreement with a key of this fingerprint.
        case token(AgreementID, fingerprint: Digest)
        /// One of our own commands, which acts as our side of the agreement.
        case trusted(AgreementID)
    }

    /// What the body says.
    package enum Content: Sendable {
        case none
        case agreement(AgreementMessage)
        case ticket(TicketMessage)
    }

    /// A key by which a caller marks requests that are one.
    package struct IdempotencyKey: Sendable, Hashable {
        package let text: String

        /// The key in its scope: direction, agreement, method and path.
        package let digest: Digest
    }
}

extension Capture {
    /// The agreement that the request is about, by its path or its token.
    package var agreement: AgreementID? {
        if case .agreement(let id) = target { return id }
        switch credential {
        case .token(let id, _), .trusted(let id): return id
        case .missing, .malformed: return nil
        }
    }

    /// Whether a token came with it.
    package var hasToken: Bool {
        if case .token = credential { return true }
        return false
    }

    /// The share that the request is about.
    package var share: ShareName? {
        guard case .ticket(let ticket) = target, let agreement else { return nil }
        return ShareName(stream: .agreement(agreement.text), ticket: ticket.text)
    }

    /// The value of `method` if it is one of the protocol.
    package var requestMethod: RequestMethod? {
        RequestMethod(rawValue: method)
    }
}
