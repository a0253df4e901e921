package import Linux

/// Runs a shell script once this process has ended, however it ends, or once the value is gone.
///
/// The shell is in a session of its own and waits for the end of a pipe that only this process holds open.
package struct Watchdog: ~Copyable, Sendable {
    private let pipe: AnonymousPipe

    /// - Parameters:
    ///   - script: For `/bin/sh`, with `arguments` as `$0`, `$1` and so on.
    ///   - user: Whom it runs as; by default as this process.
    package init(script: String, _ arguments: [String], user: OSUser? = nil) throws {
        let pipe = try AnonymousPipe()
        var shell = try SystemTool.command("/bin/sh", ["-c", "read -r _\n" + script] + arguments)
        if let user { shell.user = user }
        _ = try shell.start(input: pipe.reading)
        self.pipe = pipe
    }
}
