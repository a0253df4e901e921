package import JSON

/// Why a request is refused, in the terms that partners understand.
///
/// The status is one that the Ruby gem hands to its caller; any other makes it raise. The detail names the member at fault
/// and repeats nothing of what it held, so that it may be answered, stored and logged.
package struct ProtocolFault: Error, Sendable, Equatable {
    /// The HTTP status to answer with.
    package let status: Status

    /// What is wrong, for a program; never changes its spelling.
    package let code: Code

    /// What is wrong, for a person, in one sentence without a full stop.
    package let detail: String

    /// After how many seconds the same request may be sent again, where that is known.
    package let retryAfterSeconds: Int?

    /// Names a fault; the detail goes out as it is, so nothing private belongs into it.
    package init(_ status: Status, _ code: Code, _ detail: String, retryAfterSeconds: Int? = nil) {
        self.status = status
        self.code = code
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds
    }
}

extension ProtocolFault {
    /// The statuses that a fault may have.
    package enum Status: Int, Sendable {
        case unauthorized = 401
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case preconditionFailed = 412
        case unprocessable = 422
        case unavailable = 503
    }

    /// The stable names of faults, as they stand in `error` of an answer.
    package enum Code: String, Sendable, CaseIterable {
        case tokenMissing = "token_missing"
        case notAuthorized = "not_authorized"
        case notPermitted = "not_permitted"
        case agreementNotAccepted = "agreement_not_accepted"
        case unknownResource = "unknown_resource"
        case methodNotAllowed = "method_not_allowed"
        case unsupportedVersion = "unsupported_version"
        case unsupportedContentType = "unsupported_content_type"
        case malformedJSON = "malformed_json"
        case missingMember = "missing_member"
        case duplicateMember = "duplicate_member"
        case wrongType = "wrong_type"
        case invalidText = "invalid_text"
        case invalidValue = "invalid_value"
        case overLimit = "over_limit"
        case identifierMismatch = "uuid_mismatch"
        case alreadyExists = "already_exists"
        case statusConflict = "status_conflict"
        case overloaded = "overloaded"
        case tooManyRequests = "too_many_requests"
    }
}

// MARK: - Faults without a member

extension ProtocolFault {
    /// There is no token where one is required.
    package static var tokenMissing: ProtocolFault {
        ProtocolFault(.unauthorized, .tokenMissing, "X-Ticket-Sharing-Token is required")
    }

    /// Wrong or malformed token, unknown agreement, ticket of another agreement: one answer, to tell nobody which.
    package static var notAuthorized: ProtocolFault {
        ProtocolFault(.forbidden, .notAuthorized, "the token does not give access to this resource")
    }

    /// A ticket was sent under an agreement that is not accepted.
    package static func agreementNotAccepted(_ status: Agreement.Status) -> ProtocolFault {
        ProtocolFault(.forbidden, .agreementNotAccepted, "the agreement is \(status.rawValue)")
    }

    /// A ticket that the token's agreement does not hold.
    package static var unknownTicket: ProtocolFault {
        ProtocolFault(.notFound, .unknownResource, "no such ticket is shared under this agreement")
    }

    /// The resource has not got the method; the answer's `Allow` names those it has.
    package static func methodNotAllowed(on resource: Resource) -> ProtocolFault {
        let allowed = resource.methods.map(\.rawValue).joined(separator: ", ")
        return ProtocolFault(.methodNotAllowed, .methodNotAllowed, "allowed are \(allowed)")
    }

    /// Nobody has accepted the agreement, and what is recorded of strangers in a day is used up.
    package static func strangersUsedUp(retryAfterSeconds: Int) -> ProtocolFault {
        ProtocolFault(
            .unavailable,
            .tooManyRequests,
            "no more is recorded today of agreements that nobody has accepted yet; try again after midnight UTC",
            retryAfterSeconds: retryAfterSeconds,
        )
    }

    /// We are overloaded or our database is away; the same request may be sent again.
    package static var overloaded: ProtocolFault {
        ProtocolFault(.unavailable, .overloaded, "try again later")
    }

    /// The body is no JSON, or over what we read.
    package init(_ error: JSONError) {
        let isLimit =
            switch error.kind {
            case .tooLarge, .tooDeep, .tooManyValues: true
            default: false
            }
        self.init(.unprocessable, isLimit ? .overLimit : .malformedJSON, "the body is not accepted: \(error)")
    }
}

// MARK: - As an answer

extension ProtocolFault {
    /// The body of the answer: `{"error":"wrong_type","detail":"comments[3].body must be a string"}`.
    package var body: [UInt8] {
        var writer = JSONWriter(capacity: 160)
        writer.object {
            $0.member("error", code.rawValue)
            $0.member("detail", detail)
        }
        return writer.bytes
    }

    /// The headers that an answer with this status must have: a challenge with 401, `Retry-After` with 503.
    ///
    /// - Parameter retryAfterSeconds: For a fault that does not say it itself.
    package func headers(retryAfterSeconds: Int = 5) -> [HeaderField] {
        switch status {
        case .unauthorized: [HeaderField("WWW-Authenticate", "X-Ticket-Sharing")]
        case .unavailable:
            [HeaderField("Retry-After", "\(self.retryAfterSeconds ?? retryAfterSeconds)")]
        default: []
        }
    }
}
