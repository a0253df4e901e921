import Foundation
import Synchronization

/// Writes one line an occurrence to standard error, with swift-log's names.
///
/// Messages are fixed text; what varies goes into ``Metadata`` under dotted keys (`partner.name`), so that a
/// reader can group lines by message. A value that must not be shown is passed as ``MetadataValue/masked``.
package struct Logger: Sendable {
    /// Varying values of a line, by dotted key.
    package typealias Metadata = [String: MetadataValue]

    /// What a line is about, such as `delivery`.
    package let label: String

    /// Lines below this level are not written.
    package var logLevel: Level

    /// Where finished lines go.
    package var handler: any LogHandler

    package init(label: String, logLevel: Level = .info, handler: any LogHandler = StandardErrorLogHandler.shared) {
        self.label = label
        self.logLevel = logLevel
        self.handler = handler
    }

    /// The same logger under another label.
    package func labeled(_ label: String) -> Logger {
        Logger(label: label, logLevel: logLevel, handler: handler)
    }
}

// MARK: - Levels

extension Logger {
    /// How much a line matters, least first.
    package enum Level: String, Sendable, CaseIterable, Comparable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical

        package static func < (lhs: Level, rhs: Level) -> Bool {
            lhs.rank < rhs.rank
        }

        private var rank: Int {
            Level.allCases.firstIndex(of: self) ?? 0
        }
    }

    /// A value beside a message; anything printable, or a mark that something private stood here.
    package enum MetadataValue: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        case string(String)
        case masked

        package init(stringLiteral value: String) {
            self = .string(value)
        }

        /// The text that a line shows.
        package var text: String {
            switch self {
            case .string(let value): value
            case .masked: "[masked]"
            }
        }
    }
}

// MARK: - Writing

extension Logger {
    /// Writes a line if `level` is high enough; neither message nor metadata is evaluated otherwise.
    package func log(
        level: Level,
        _ message: @autoclosure () -> String,
        metadata: @autoclosure () -> Metadata = [:],
    ) {
        guard level >= logLevel else { return }
        handler.write(LogLine(time: Date(), level: level, label: label, message: message(), metadata: metadata()))
    }

    package func debug(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .debug, message(), metadata: metadata())
    }

    package func info(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .info, message(), metadata: metadata())
    }

    package func notice(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .notice, message(), metadata: metadata())
    }

    package func warning(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .warning, message(), metadata: metadata())
    }

    package func error(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .error, message(), metadata: metadata())
    }

    package func critical(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(level: .critical, message(), metadata: metadata())
    }
}
