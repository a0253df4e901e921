import Foundation
import TestSupport

/// `openssl s_server` on loopback, answering every request on a connection with `200 ok` and keeping it open.
final class TLSServer {
    let port: UInt16
    private let process = Process()
    private let watchdog: Watchdog

    init(_ identity: Certificates.Identity, arguments: [String] = []) throws {
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments =
            ["s_server", "-accept", "127.0.0.1:0", "-cert", identity.certificate, "-key", identity.key] + arguments
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        watchdog = try Watchdog(script: "kill -KILL \"$0\"", ["\(process.processIdentifier)"])
        var text = ""
        var found: UInt16?
        while found == nil {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { throw Unexpected("openssl s_server did not start: \(text)") }
            text += String(decoding: piece, as: UTF8.self)
            found = text.firstMatch(of: /ACCEPT .*:([0-9]+)\n/).flatMap { UInt16($0.1) }
        }
        port = found ?? 0
        let reader = output.fileHandleForReading
        let writer = input.fileHandleForWriting
        Thread { @Sendable in
            // Only requests have lines that end so; what the command itself writes does not.
            let end = Data("\r\n\r\n".utf8)
            var seen = Data()
            while case let piece = reader.availableData, !piece.isEmpty {
                seen += piece
                while let range = seen.range(of: end) {
                    seen.removeSubrange(..<range.upperBound)
                    // The command may have been ended meanwhile.
                    try? writer.write(contentsOf: Data("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8))
                }
            }
        }.start()
    }

}
