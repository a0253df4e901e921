/// Why something asked of PostgreSQL was not done.
///
/// ``description`` may be shown and logged: it holds no bound value and no credential. What the server says in detail may
/// quote rows and values; that is in ``debugDescription`` and in the fields of ``report`` only. It is one line, whatever
/// libpq and the server break theirs with.
package struct PostgresError: Error, Sendable {
    /// Where the trouble lies.
    package enum Kind: String, Sendable, Hashable {
        /// The server answered with an error; ``PostgresError/code`` says which.
        case server
        /// No connection could be made, or it was lost.
        case connection
        /// The caller's time was up.
        case deadline
        /// The caller's task was cancelled.
        case cancelled
        /// A result was not what the caller decoded it as.
        case decoding
        /// A call that could never succeed, such as SQL text with a NUL in it.
        case misuse
    }

    /// What is known of the changes that the failed statements would have made.
    package enum Outcome: Sendable, Hashable {
        /// Nothing of what was sent together is in the database, and nothing will be.
        case notApplied
        /// It may or may not have been committed: the connection ended before the answer came. Look before retrying.
        case unknown
    }

    /// Decides what can be done about it.
    package let kind: Kind

    /// May quote a bound value if the server wrote it; show ``description`` instead.
    package let message: String

    /// Whether the changes are certainly not in the database.
    package internal(set) var outcome: Outcome

    /// What the server said, for kind `server` and for its answers to our cancelling.
    package internal(set) var report: ServerReport?

    /// The SQL that failed, with its placeholders and without its values.
    package internal(set) var statement: String?

    /// Which statement of a pipeline failed, from 0.
    package internal(set) var statementIndex: Int?

    /// What ``description`` shows for the message.
    private let safeMessage: String

    package init(
        _ kind: Kind,
        _ message: String,
        safeMessage: String? = nil,
        report: ServerReport? = nil,
        outcome: Outcome = .notApplied,
    ) {
        self.kind = kind
        self.message = message
        self.safeMessage = (safeMessage ?? message).onOneLine
        self.report = report
        self.outcome = outcome
    }
}

// MARK: - Reading

extension PostgresError {
    /// Nil where no server was involved, and for refused connections, whose code libpq does not pass on.
    package var code: SQLState? { report?.code }

    /// Quotes rows and values: not for logs.
    package var detail: String? { report?.detail }

    /// What the server advises.
    package var hint: String? { report?.hint }

    /// The violated constraint's name.
    package var constraint: String? { report?.constraint }

    /// The schema of what ``table``, ``constraint`` or a type name belongs to.
    package var schema: String? { report?.schema }

    /// The table concerned.
    package var table: String? { report?.table }

    /// The column concerned.
    package var column: String? { report?.column }

    /// The connection is gone or was never made; a new one may work.
    package var isConnectionLoss: Bool {
        kind == .connection || report?.isFatal == true || code?.endsConnection == true
    }

    /// The same statements may succeed later. Look at ``outcome`` before repeating what writes.
    package var isTransient: Bool {
        isConnectionLoss || kind == .deadline || code?.isTransient == true || report?.isStalePlan == true
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        var text = "PostgreSQL \(kind.rawValue)"
        if let code { text += " \(code)" }
        text += ": \(safeMessage)"
        if let constraint, !safeMessage.contains(constraint) { text += " (constraint \(constraint))" }
        if let statementIndex { text += " (statement \(statementIndex) of a pipeline)" }
        if outcome == .unknown { text += " (whether it was committed is not known)" }
        return text
    }

    package var debugDescription: String {
        var lines = [description]
        if message.onOneLine != safeMessage { lines.append("message: \(message)") }
        if let detail { lines.append("detail: \(detail)") }
        if let hint { lines.append("hint: \(hint)") }
        if let context = report?.context { lines.append("where: \(context)") }
        if let statement { lines.append("statement: \(statement)") }
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The text without line ends, tabs and other control characters; a line that ends without a mark gets a semicolon.
    fileprivate var onOneLine: String {
        let lines = split(whereSeparator: \.isNewline).map { line in
            line.split { $0.isWhitespace || $0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
                .joined(separator: " ")
        }
        return lines.filter { !$0.isEmpty }.reduce(into: "") { text, line in
            if let last = text.last { text += ".:;,?!".contains(last) ? " " : "; " }
            text += line
        }
    }
}
