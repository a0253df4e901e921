import CLinux
import Glibc

/// A program to run: no shell, an environment of its own, no descriptors but those named, a session of its own.
///
/// The session keeps it out of reach of what a terminal sends to our foreground process group.
package struct Command: Sendable {
    /// An absolute path.
    package var program: String

    /// What follows the name of the program; no shell looks at it.
    package var arguments: [String]

    /// All that the program sees of an environment.
    package var environment: [String: String]

    /// The working directory.
    package var directory: String

    /// Whom it runs as; only root can name another than itself.
    package var user: OSUser

    /// A command that has yet to be started.
    package init(
        _ program: String,
        _ arguments: [String] = [],
        environment: [String: String] = [:],
        directory: String = "/",
        user: OSUser,
    ) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.user = user
    }

    /// What a finished command left behind.
    package struct Result: Sendable {
        /// How it ended.
        package let exit: ProcessExit

        /// Standard output and standard error together, the last 64 KiB of them.
        package let output: String

        /// It ended by itself, with exit code 0.
        package var isSuccess: Bool {
            exit == .code(0)
        }
    }
}

// MARK: - Running

extension Command {
    /// Starts it with nothing to read, appends what it says to `output`, and does not wait.
    package func start(output: borrowing FileDescriptor) throws(SystemError) -> ChildProcess {
        try start(input: -1, output: output.number, kept: -1)
    }

    /// Starts it with `input` to read, drops what it says, and does not wait.
    package func start(input: borrowing FileDescriptor) throws(SystemError) -> ChildProcess {
        try start(input: input.number, output: -1, kept: -1)
    }

    /// Starts it with `input` to read, sends what it says to `output`, and does not wait.
    package func start(
        input: borrowing FileDescriptor,
        output: borrowing FileDescriptor,
    ) throws(SystemError) -> ChildProcess {
        try start(input: input.number, output: output.number, kept: -1)
    }

    /// Runs it to its end; when `patience` runs out it is killed with all its descendants of the same session.
    package func run(input: String = "", patience: Patience) throws -> Result {
        try run(input: input, kept: -1, patience: patience)
    }

    /// Runs it to its end, during which it, too, holds `lock`: an orphan of ours keeps everybody else out.
    package func run(input: String = "", holding lock: borrowing FileLock, patience: Patience) throws -> Result {
        try run(input: input, kept: lock.descriptor.number, patience: patience)
    }

    private func run(input: String, kept: Int32, patience: Patience) throws -> Result {
        let given = try FileDescriptor(inMemory: input)
        let collected = try FileDescriptor(inMemory: "")
        let child = try start(input: given.number, output: collected.number, kept: kept)
        do {
            let exit = try child.wait(patience: patience)
            return Result(exit: exit, output: try collected.text())
        } catch {
            child.killSession()
            throw error
        }
    }

    private func start(input: Int32, output: Int32, kept: Int32) throws(SystemError) -> ChildProcess {
        let words = dropping + [program] + arguments
        var child: pid_t = 0
        let code = unsafe Self.withCStrings(words) { words in
            unsafe Self.withCStrings(assignments) { assignments in
                unsafe directory.withCString { directory in
                    guard let program = unsafe words[0] else { return EINVAL }
                    var request = unsafe linux_spawn_request(
                        program: program,
                        arguments: words,
                        environment: assignments,
                        directory: directory,
                        input: input,
                        output: output,
                        kept: kept,
                    )
                    return unsafe linux_spawn(&request, &child)
                }
            }
        }
        try SystemError.check(code, "start \(words[0])")
        return try ChildProcess(id: child)
    }

    /// Starts it on our own terminal, with our input and outputs, in the directory that we are in; does not wait.
    ///
    /// It is in our process group: Ctrl-C and Ctrl-Z reach it and us alike. It runs as the user that we are.
    package func startInForeground() throws(SystemError) -> ChildProcess {
        guard user.id == OSUser.currentID else {
            throw SystemError(code: EPERM, operation: "start \(program) as \(user.name)")
        }
        var child: pid_t = 0
        let words = [program] + arguments
        let code = unsafe Self.withCStrings(words) { words in
            unsafe Self.withCStrings(assignments) { assignments in
                guard let program = unsafe words[0] else { return EINVAL }
                return unsafe linux_spawn_foreground(program, words, assignments, &child)
            }
        }
        try SystemError.check(code, "start \(program)")
        return try ChildProcess(id: child)
    }

    private var assignments: [String] {
        environment.map { "\($0.key)=\($0.value)" }.sorted()
    }

    /// What runs the program as another user: `posix_spawn` itself cannot.
    private var dropping: [String] {
        if user.id == OSUser.currentID { return [] }
        return ["/usr/bin/setpriv", "--reuid=\(user.id)", "--regid=\(user.groupID)", "--clear-groups", "--"]
    }

    /// Lends `strings` as the NULL-ended array of C strings that `exec` wants.
    private static func withCStrings(
        _ strings: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32,
    ) -> Int32 {
        let pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        guard unsafe pointers.dropLast().allSatisfy({ unsafe $0 != nil }) else { return ENOMEM }
        return unsafe pointers.withUnsafeBufferPointer { buffer in
            guard let first = buffer.baseAddress else { return EINVAL }
            return unsafe body(first)
        }
    }
}
