import JSON
import Ledger
import LedgerStore

/// How events are printed.
enum HistoryFormat: String, CaseIterable {
    /// For people.
    case table
    /// One array.
    case json
    /// An object a line, as it comes.
    case lines = "json-lines"
    /// RFC 4180 with a line of names.
    case csv
}

/// Prints events a page at a time, however many there are.
struct HistoryWriter: Sendable {
    private var table = TextTable([
        "position", "recorded at", "type", "dir", "status", "partner", "agreement", "ticket", "reason",
    ])
    private var list = JSONList()
    private var hasHeading = false
    private let format: HistoryFormat

    private static let columns = [
        "position", "event_id", "type", "direction", "agreement", "ticket", "partner", "recorded_at", "status",
        "reason",
        "paused", "state",
    ]

    init(_ format: HistoryFormat) {
        self.format = format
    }

    /// Prints a page, and what goes before the first one.
    mutating func add(_ entries: [HistoryEntry]) {
        switch format {
        case .table:
            for entry in entries { addRow(entry) }
            Console.print(table.take())
        case .json:
            for entry in entries { list.add { Self.write(entry, &$0) } }
            list.flush()
        case .lines:
            for entry in entries { JSONText.print { Self.write(entry, &$0) } }
        case .csv:
            var text = hasHeading ? "" : Self.columns.joined(separator: ",") + "\r\n"
            hasHeading = true
            for entry in entries { text += Self.csv(entry) }
            Console.print(text)
        }
    }

    /// Prints what has to stand behind the last page.
    mutating func finish() {
        if format == .json { list.finish() }
    }

    private mutating func addRow(_ entry: HistoryEntry) {
        table.add([
            "\(entry.event.position)",
            "\(entry.event.recorded)",
            entry.event.type.rawValue,
            entry.event.direction?.rawValue,
            entry.event.status.map { "\($0)" },
            entry.partner,
            entry.event.stream.agreement.map(ShortIdentifier.of),
            entry.event.ticket.map(ShortIdentifier.of),
            entry.remark.map { TerminalText.shortened($0, to: 80) },
        ])
    }

    private static func write(_ entry: HistoryEntry, _ object: inout JSONWriter) {
        let event = entry.event
        object.member("position", event.position.rawValue)
        object.member("event_id", "\(event.event)")
        object.member("type", event.type.rawValue)
        object.optional("direction", event.direction?.rawValue)
        object.optional("agreement", event.stream.agreement)
        object.optional("ticket", event.ticket)
        object.optional("partner", entry.partner)
        object.member("recorded_at", "\(event.recorded)")
        object.optional("status", event.status.map { Int64($0) })
        object.optional("reason", entry.reason)
        if let isPaused = entry.isPaused { object.member("paused", isPaused) }
        if let state = entry.state { object.member("state", state) }
    }

    private static func csv(_ entry: HistoryEntry) -> String {
        let event = entry.event
        let values: [String?] = [
            "\(event.position)", "\(event.event)", event.type.rawValue, event.direction?.rawValue,
            event.stream.agreement,
            event.ticket, entry.partner, "\(event.recorded)", event.status.map { "\($0)" }, entry.reason,
            entry.isPaused.map { "\($0)" }, entry.state,
        ]
        return values.map { field($0 ?? "") }.joined(separator: ",") + "\r\n"
    }

    /// A value as a field of RFC 4180. One that a spreadsheet would take for a formula gets an apostrophe in front: partners'
    /// words stand here.
    private static func field(_ value: String) -> String {
        let isFormula = value.first.map { "=+-@\t\r".contains($0) } ?? false
        let text = isFormula ? "'" + value : value
        guard text.contains(where: { ",\"\r\n".contains($0) || $0.isNewline }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
