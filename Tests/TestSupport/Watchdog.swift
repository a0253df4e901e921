import Glibc
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
        guard let user = try user ?? OSUser.with(id: OSUser.currentID) else {
            throw SystemError(code: ENOENT, operation: "find the user of the tests")
        }
        let shell = Command(
            "/bin/sh",
            ["-c", "read -r _\n" + script] + arguments,
            environment: ["PATH": "/usr/bin:/bin"],
            user: user,
        )
        _ = try shell.start(input: pipe.reading)
        self.pipe = pipe
    }
}
