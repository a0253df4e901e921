/// Why a request was answered by the server itself, although the library had read its head.
///
/// Each stands for a head that two readers could understand differently, and so for a way to smuggle a request past a
/// proxy; the connection is closed after the answer.
package enum HTTPRefusal: String, Sendable, Error, CaseIterable {
    /// A bare LF, a NUL, a folded line, or anything else but `name: value CRLF`.
    case malformedHead = "malformed_head"
    /// The method is not a token.
    case invalidMethod = "invalid_method"
    /// Not an origin form (`/…`) or `*`, or not visible ASCII.
    case invalidTarget = "invalid_target"
    /// A field name that is not a token, such as one with a space before its colon.
    case invalidFieldName = "invalid_field_name"
    /// A control character in a field value.
    case invalidFieldValue = "invalid_field_value"
    /// `Host` is repeated, or absent in HTTP/1.1.
    case ambiguousHost = "ambiguous_host"
    /// `Content-Length` repeated or not digits only, or beside `Transfer-Encoding`.
    case ambiguousLength = "ambiguous_length"
    /// A `Transfer-Encoding` other than a single `chunked` in HTTP/1.1.
    case unknownTransferEncoding = "unknown_transfer_encoding"
    /// The head is longer than the limit.
    case headTooLong = "head_too_long"

    /// The status that says so: 400, 431 or 501.
    package var status: Int {
        switch self {
        case .headTooLong: 431
        case .unknownTransferEncoding: 501
        default: 400
        }
    }
    /// What is wrong, for a person, in one sentence without a full stop; it repeats nothing of what was sent.
    package var detail: String {
        switch self {
        case .malformedHead: "a line of the head is not NAME: VALUE ended by CR LF"
        case .invalidMethod: "the method is not a token"
        case .invalidTarget: "the target must begin with / and hold visible ASCII only"
        case .invalidFieldName: "the name of a field is not a token"
        case .invalidFieldValue: "the value of a field holds a control character"
        case .ambiguousHost: "Host must stand once"
        case .ambiguousLength: "Content-Length must stand once, be a number, and not stand beside Transfer-Encoding"
        case .unknownTransferEncoding: "Transfer-Encoding must be a single chunked"
        case .headTooLong: "the head is longer than is accepted"
        }
    }
}
