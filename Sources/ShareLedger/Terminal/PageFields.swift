/// Names and values, one a line, the values below each other; a value without a name belongs to the one above.
enum PageFields {
    private static let nameWidth = 14

    static func text(_ fields: [(name: String, value: String)]) -> String {
        fields.map { name, value in
            let padding = String(repeating: " ", count: max(1, nameWidth - name.count))
            return "\(name)\(padding)\(TerminalText.line(value))\n"
        }
        .joined()
    }
}
