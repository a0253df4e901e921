import Foundation
import Linux
import TestSupport

/// `openssl s_server` on loopback, answering every request on a connection with `200 ok` and keeping it open.
final class TLSServer {
    let port: UInt16
    private let process: ChildProcess
    private let watchdog: Watchdog

    /// What the command reads and writes: the requests on its connections, and the answers.
    private final class Streams: Sendable {
        let input: FileDescriptor
        let output: FileDescriptor

        init(_ input: consuming FileDescriptor, _ output: consuming FileDescriptor) {
            self.input = input
            self.output = output
        }
    }

    init(_ identity: Certificates.Identity, arguments: [String] = []) throws {
        let command = try SystemTool.command(
            "/usr/bin/openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", identity.certificate, "-key", identity.key] + arguments,
        )
        let input = try AnonymousPipe()
        let output = try AnonymousPipe()
        process = try command.start(input: input.reading, output: output.writing)
        watchdog = try Watchdog(script: "kill -KILL \"$0\"", ["\(process.id)"])
        let streams = Streams(input.onlyWriting(), output.onlyReading())
        var port: UInt16?
        while port == nil {
            guard let line = try streams.output.line(patience: Patience(.seconds(30))) else {
                throw Unexpected("openssl s_server did not start")
            }
            port = line.firstMatch(of: /ACCEPT .*:([0-9]+)$/).flatMap { UInt16($0.1) }
        }
        self.port = port ?? 0
        Thread { @Sendable in
            // Only requests have lines that end so; what the command itself writes does not.
            while let line = try? streams.output.line(patience: Patience(.seconds(600), endsWithTask: false)) {
                guard line == "\r" || line == "\r\n" else { continue }
                // The command may have been ended meanwhile.
                try? streams.input.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }.start()
    }
}
