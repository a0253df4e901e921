package import Foundation
import Synchronization

/// One finished line, before it is rendered.
package struct LogLine: Sendable {
    package let time: Date
    package let level: Logger.Level
    package let label: String
    package let message: String
    package let metadata: Logger.Metadata
}

/// Where lines go: standard error in the program, an array in tests.
package protocol LogHandler: Sendable {
    func write(_ line: LogLine)
}

/// Renders JSON lines to standard error, or plain text when that is a terminal.
package final class StandardErrorLogHandler: LogHandler {
    package static let shared = StandardErrorLogHandler(isTerminal: isatty(STDERR_FILENO) == 1)

    private let isTerminal: Bool
    private let output = Mutex(FileHandle.standardError)

    package init(isTerminal: Bool) {
        self.isTerminal = isTerminal
    }

    package func write(_ line: LogLine) {
        let bytes = Data((isTerminal ? line.text : line.json).utf8)
        output.withLock { handle in
            // A log that cannot be written (closed terminal, full disk) must not stop what it describes.
            try? handle.write(contentsOf: bytes)
        }
    }
}

/// Keeps lines in memory, for tests that check what was logged.
package final class CollectingLogHandler: LogHandler {
    private let collected = Mutex<[LogLine]>([])

    package init() {}

    package func write(_ line: LogLine) {
        collected.withLock { $0.append(line) }
    }

    package var lines: [LogLine] {
        collected.withLock { $0 }
    }
}

// MARK: - Rendering

extension LogLine {
    /// `2026-01-31T12:00:00.123Z warning delivery: partner is out partner.name=lenswerk`, LF-ended, control characters escaped.
    package var text: String {
        var line = "\(timestamp) \(level.rawValue) \(label): \(message)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(value.text)"
        }
        return String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 ? " " : $0 })) + "\n"
    }

    /// One JSON object with `time`, `level`, `label`, `message` and the metadata keys, LF-ended.
    package var json: String {
        var line = "{\"time\":\"\(timestamp)\",\"level\":\"\(level.rawValue)\",\"label\":\(Self.quoted(label))"
        line += ",\"message\":\(Self.quoted(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += ",\(Self.quoted(key)):\(Self.quoted(value.text))"
        }
        return line + "}\n"
    }

    private var timestamp: String {
        time.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case _ where scalar.value < 0x20:
                quoted += scalar.value < 0x10 ? "\\u000" : "\\u00"
                quoted += String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
