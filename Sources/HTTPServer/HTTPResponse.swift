/// What a handler answers: a status, header fields and a body held in memory.
///
/// `Date`, `Content-Length` and the connection's own fields are added by the server.
package struct HTTPResponse: Sendable {
    /// 200 to 599.
    package let status: Int

    /// Fields in the order in which they are sent, before those that the server adds.
    package var headers: [Field]

    /// Sent with its length, except as an answer to HEAD and with the statuses 204 and 304.
    package var body: [UInt8]

    /// Bytes that all fields of one answer may take together.
    package static let headerByteLimit = 4096

    /// An answer with exactly these fields; `status` must be final.
    package init(status: Int, headers: [Field] = [], body: [UInt8] = []) {
        precondition((200...599).contains(status), "a handler answers with a final status")
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer whose first field says what its body is.
    package init(status: Int, contentType: String, headers: [Field] = [], body: [UInt8]) {
        self.init(status: status, headers: [Field("Content-Type", contentType)] + headers, body: body)
    }

    /// An answer of text, sent as UTF-8.
    package init(status: Int, contentType: String, headers: [Field] = [], text: String) {
        self.init(status: status, contentType: contentType, headers: headers, body: Array(text.utf8))
    }
}

// MARK: - Fields

extension HTTPResponse {
    /// One header field that cannot break out of its line.
    package struct Field: Sendable, Hashable {
        /// A token that does not frame the message.
        package let name: String
        /// Free of control characters; a field whose value is empty is not sent.
        package let value: String

        /// A field of our own: control characters in the value become spaces, as RFC 9110, section 5.5, allows.
        package init(_ name: StaticString, _ value: String) {
            let name = name.description
            precondition(Self.isAllowed(name), "\(name) is not a field that a handler sets")
            self.name = name
            self.value =
                value.utf8.allSatisfy(ASCII.isFieldValue)
                ? value : String(decoding: value.utf8.map { ASCII.isFieldValue($0) ? $0 : 0x20 }, as: UTF8.self)
        }

        /// A field made from data: nil if the name is no token or frames the message, or the value has a control character.
        package init?(name: String, value: String) {
            guard Self.isAllowed(name), value.utf8.allSatisfy(ASCII.isFieldValue) else { return nil }
            self.name = name
            self.value = value
        }

        /// Framing and the connection are the server's: a second opinion on them is how messages get confused.
        private static func isAllowed(_ name: String) -> Bool {
            ASCII.isToken(name.utf8) && !serverNames.contains { ASCII.equalIgnoringCase(name.utf8, $0) }
        }

        private static let serverNames: [StaticString] = [
            "connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade",
        ]
    }

    /// Whether the fields fit the buffer that the server has for them.
    var fitsHead: Bool {
        headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 } <= Self.headerByteLimit
    }
}
