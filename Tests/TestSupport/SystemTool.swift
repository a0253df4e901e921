import Glibc
package import Linux

/// Programs of the system, run as this process's user.
///
/// Not with Foundation's `Process`: it has read beyond its memory where others opened and closed descriptors meanwhile.
package enum SystemTool {
    /// A program that is not started yet, with a path to find others by.
    package static func command(
        _ program: String,
        _ arguments: [String],
        directory: String = "/",
    ) throws -> Command {
        guard let user = try OSUser.with(id: OSUser.currentID) else {
            throw SystemError(code: ENOENT, operation: "find the user of the tests")
        }
        return Command(
            program,
            arguments,
            environment: ["PATH": "/usr/bin:/bin"],
            directory: directory,
            user: user,
        )
    }

    /// Runs a program to its end, for at most half a minute.
    package static func run(
        _ program: String,
        _ arguments: [String],
        directory: String = "/",
    ) throws -> Command.Result {
        try command(program, arguments, directory: directory)
            .run(patience: Patience(.seconds(30), endsWithTask: false))
    }
}
