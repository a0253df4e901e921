/// Which bytes of an event a part holds. The raw value stands in the leaf and in `ledger.payload.part`.
package enum PartName: String, Sendable, Hashable, CaseIterable {
    /// Method, target and HTTP version as received or as sent, without the line end.
    case requestLine = "request-line"
    /// Names and values of the request's header fields, in order; see ``HeaderBlock``.
    case headers
    /// The body as received.
    case body
    /// Header fields as they were sent on, where they differ from ``headers``.
    case sentHeaders = "sent-headers"
    /// The body as it was sent on, where it differs from ``body``.
    case sentBody = "sent-body"
    /// Header fields of the answer.
    case answerHeaders = "answer-headers"
    /// The body of the answer, up to a bound.
    case answerBody = "answer-body"
    /// What folds need and names nobody: identifiers, status, visibility, times, which members were set. Never erased.
    case facts
    /// Everything else that is no line of the leaf: partner, reason, operator, URL, address, the caller's key.
    case detail

    /// Whether the commitment is a tree over chunks rather than one hash.
    package var isChunked: Bool {
        switch self {
        case .body, .sentBody, .answerBody: true
        default: false
        }
    }
}
