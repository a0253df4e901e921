import Foundation
import Synchronization

/// What a command prints: results to standard output, the rest to standard error.
///
/// What partners sent reaches a terminal without control characters; a file or a pipe gets the exact bytes.
enum Console {
    /// Why printing was given up.
    enum Fault: Sendable, Equatable {
        /// Nobody reads any more, as behind `| head`.
        case notRead

        /// The disk is full, or the like.
        case failed(String)
    }

    private static let fault = Mutex<Fault?>(nil)

    /// Why what is still to come is printed for nothing; `nil` while all is well.
    static var outputFault: Fault? {
        fault.withLock { $0 }
    }

    /// Whether results go to a terminal.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// Whether a progress bar can be seen.
    static let showsProgress = isatty(STDERR_FILENO) == 1

    /// Writes a result as it is; whatever stands in it is the program's own, or has gone through ``TerminalText``.
    static func print(_ text: String) {
        write(Array(text.utf8))
    }

    /// Writes JSON of our own making.
    static func print(json: String) {
        print(json: Array(json.utf8))
    }

    /// Writes JSON: byte for byte, but with the characters escaped that a terminal would act on.
    static func print(json: [UInt8]) {
        write(isTerminal ? Array(TerminalText.json(String(decoding: json, as: UTF8.self)).utf8) : json)
    }

    /// Writes bytes from outside: exact ones to a file or a pipe, readable ones to a terminal.
    static func print(raw bytes: [UInt8]) {
        guard isTerminal else {
            write(bytes)
            return
        }
        write(Array((TerminalText.lines(String(decoding: bytes, as: UTF8.self)) + "\n").utf8))
    }

    /// Writes a line that is no result.
    static func note(_ line: String) {
        // Nobody can be told that nobody can be told.
        try? FileHandle.standardError.write(contentsOf: Data((TerminalText.lines(line) + "\n").utf8))
    }

    /// Draws over the line that was drawn last, on a terminal; an empty one takes it away.
    static func progress(_ line: String) {
        guard showsProgress else { return }
        // As above.
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(TerminalText.line(line))".utf8))
    }

    /// Clears the terminal, for what is drawn anew.
    static func clear() {
        write(Array("\u{1B}[H\u{1B}[2J".utf8))
    }

    private static func write(_ bytes: [UInt8]) {
        guard outputFault == nil else { return }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(bytes))
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
            let isPipe = cause.domain == NSPOSIXErrorDomain && cause.code == Int(EPIPE)
            fault.withLock { $0 = isPipe ? .notRead : .failed(cause.localizedDescription) }
        }
    }
}
