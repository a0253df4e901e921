/// What one look came to.
struct Finding: Sendable {
    /// How it is.
    enum State: String, Sendable {
        case ok

        /// It works, but somebody should know or do something.
        case warn

        /// It does not work, or cannot be trusted.
        case fail
    }

    let state: State

    /// What was looked at, in a word or two.
    let subject: String

    let message: String

    /// What to do about it.
    let advice: String?

    /// The event at fault, and the part of it, where it is one.
    var position: Int64?
    var part: String?

    static func ok(_ subject: String, _ message: String) -> Finding {
        Finding(state: .ok, subject: subject, message: message, advice: nil)
    }

    static func warn(_ subject: String, _ message: String, advice: String) -> Finding {
        Finding(state: .warn, subject: subject, message: message, advice: advice)
    }

    static func fail(_ subject: String, _ message: String, advice: String?) -> Finding {
        Finding(state: .fail, subject: subject, message: message, advice: advice)
    }

    /// What could not even be looked at.
    static func fail(_ subject: String, _ error: any Error) -> Finding {
        fail(subject, CommandFailure(error).description, advice: nil)
    }
}

extension Finding {
    /// What was found, in one line however long it is, and what to do, broken into lines below it.
    var text: String {
        let word = state.rawValue.uppercased()
        let head = word + String(repeating: " ", count: Self.wordWidth - word.count)
        let padding = String(repeating: " ", count: max(1, Self.subjectWidth - subject.count))
        let indent = String(repeating: " ", count: Self.wordWidth + Self.subjectWidth)
        let advice = advice.map { TerminalText.wrapped(TerminalText.line($0), to: Self.lineWidth - indent.count) } ?? []
        return TerminalText.line("\(head)\(subject)\(padding)\(message)") + "\n"
            + advice.map { "\(indent)\($0)\n" }.joined()
    }

    private static let wordWidth = 6
    private static let subjectWidth = 16
    private static let lineWidth = 100
}
