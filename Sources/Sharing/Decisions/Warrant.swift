/// Why an operator has something done, and who that is; kept on record with what is done.
package struct Warrant: Sendable, Equatable {
    /// Bytes that a reason may have.
    package static let reasonByteLimit = 1000

    package let reason: String
    package let `operator`: String

    /// `nil` where the reason says nothing or is too long.
    package init?(reason: String, operator: String) {
        let reason = reason.drop { $0.isWhitespace }
        guard !reason.isEmpty, reason.utf8.count <= Self.reasonByteLimit else { return nil }
        self.reason = String(reason)
        self.operator = `operator`
    }
}
