/// Why a request was answered by the server itself, although the library had read its head.
///
/// Each stands for a head that two readers could understand differently, and so for a way to smuggle a request past a
/// proxy; the connection is closed after the answer.
package enum HTTPRefusal: String, Sendable, Error, CaseIterable {
    /// A bare LF, a NUL, a folded line, or anything else but `name: value CRLF`.
    case malformedHead
    /// The method is not a token.
    case invalidMethod
    /// Not an origin form (`/…`) or `*`, or not visible ASCII.
    case invalidTarget
    /// A field name that is not a token, such as one with a space before its colon.
    case invalidFieldName
    /// A control character in a field value.
    case invalidFieldValue
    /// `Host` is repeated, or absent in HTTP/1.1.
    case ambiguousHost
    /// `Content-Length` repeated or not digits only, or beside `Transfer-Encoding`.
    case ambiguousLength
    /// A `Transfer-Encoding` other than a single `chunked` in HTTP/1.1.
    case unknownTransferEncoding
    /// The head is longer than the limit.
    case headTooLong

    /// The status that says so: 400, 431 or 501.
    package var status: Int {
        switch self {
        case .headTooLong: 431
        case .unknownTransferEncoding: 501
        default: 400
        }
    }
}
