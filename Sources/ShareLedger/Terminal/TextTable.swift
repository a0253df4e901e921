/// Rows under column names, aligned.
struct TextTable {
    private let columns: [String]
    private var widths: [Int]
    private var rows: [[String]] = []
    private var hasHeading = true

    init(_ columns: [String]) {
        self.columns = columns.map { $0.uppercased() }
        widths = self.columns.map(TerminalText.width)
    }

    /// Adds a row; control characters, which could move the cursor, are written out.
    mutating func add(_ values: [String?]) {
        let row = values.map { TerminalText.line($0 ?? "") }
        for (column, value) in row.enumerated() {
            widths[column] = max(widths[column], TerminalText.width(value))
        }
        rows.append(row)
    }

    /// The table with a line of names, columns two spaces apart.
    var text: String {
        ((hasHeading ? [columns] : []) + rows).map(line).joined()
    }

    /// Hands over the rows so far; those that follow stand under them, no narrower.
    mutating func take() -> String {
        defer {
            rows = []
            hasHeading = false
        }
        return text
    }

    private func line(_ row: [String]) -> String {
        var line = ""
        for (column, value) in row.enumerated() {
            line += value
            if row[(column + 1)...].contains(where: { !$0.isEmpty }) {
                line += String(repeating: " ", count: widths[column] - TerminalText.width(value) + 2)
            }
        }
        return line + "\n"
    }
}
