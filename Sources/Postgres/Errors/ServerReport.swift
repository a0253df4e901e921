/// The fields of an error as the server sent them.
///
/// A class, so that a thrown ``PostgresError`` stays small.
package final class ServerReport: Sendable {
    /// `ERROR`, `FATAL` or `PANIC`, in English whatever the server's language.
    package let severity: String
    /// The kind of error.
    package let code: SQLState
    /// One line; quotes values in some classes.
    package let message: String
    /// Often quotes a whole row.
    package let detail: String?
    /// What the server, or the function that raised it, advises.
    package let hint: String?
    /// The functions and COPY lines on the way to the error; may quote values.
    package let context: String?
    /// Where the table, type or constraint is.
    package let schema: String?
    /// The table whose row or column it was.
    package let table: String?
    /// The column that was at fault.
    package let column: String?
    /// The type, if one was at fault, as a domain with a check.
    package let dataType: String?
    /// What was violated, unique indexes included.
    package let constraint: String?
    /// A prepared statement could not be used again because what it reads has changed shape.
    package let isStalePlan: Bool

    /// Nil if no server made this result: libpq reports a lost connection in the same way, without a code.
    init?(_ result: borrowing ResultHandle) {
        guard let code = result.field(.code) else { return nil }
        self.code = SQLState(rawValue: code)
        severity = result.field(.severity) ?? "ERROR"
        message = result.field(.message) ?? ""
        detail = result.field(.detail)
        hint = result.field(.hint)
        context = result.field(.context)
        schema = result.field(.schema)
        table = result.field(.table)
        column = result.field(.column)
        dataType = result.field(.dataType)
        constraint = result.field(.constraint)
        // The function's name, because the message is translated and 0A000 stands for much else.
        isStalePlan =
            self.code == .featureNotSupported && result.field(.sourceFunction) == "RevalidateCachedQuery"
    }

    /// The session ends with this error.
    package var isFatal: Bool {
        severity == "FATAL" || severity == "PANIC"
    }
}

extension PostgresError {
    /// The error that a failed result stands for, its message cleared of what was bound to the statement.
    init(_ result: borrowing ResultHandle, of statement: SQL?) {
        guard let report = ServerReport(result) else {
            self.init(.connection, result.errorMessage)
            return
        }
        var safe = report.message
        if report.code.quotesValues { safe = safe.withoutQuotedValue }
        if let statement { safe = statement.parameters.redacting(safe, of: statement.text) }
        self.init(.server, report.message, safeMessage: safe, report: report)
    }
}

extension String {
    /// The text up to its first double quote or colon, since a value follows and may hold quotes itself.
    ///
    /// `invalid input syntax for type uuid: "secret"` becomes `invalid input syntax for type uuid …`. PostgreSQL translated
    /// into other languages quotes with « or „, which end the text likewise.
    fileprivate var withoutQuotedValue: String {
        guard let end = firstIndex(where: { "\":«„“‘".contains($0) }) else { return self }
        let head = self[..<end].trimmingSuffix(while: \.isWhitespace)
        return head.isEmpty ? "a value is not valid" : head + " …"
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, predicate(last) {
            text.removeLast()
        }
        return String(text)
    }
}
