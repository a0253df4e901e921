import Foundation
import Linux
import TestSupport
import Testing

/// The built program `shareledger`, run as an operator runs it.
struct ShareLedgerProgram: Sendable {
    /// Given to every run beside `PATH`.
    var environment: [String: String] = [:]

    /// What a finished run left behind.
    struct Finished: Sendable {
        let status: Int32
        let output: String
        let errors: String

        /// Standard output as JSON.
        var json: Any {
            get throws { try JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed) }
        }

        /// The one object on standard output.
        var object: [String: Any] {
            get throws { try #require(try json as? [String: Any]) }
        }

        /// The objects of an array on standard output.
        var objects: [[String: Any]] {
            get throws { try #require(try json as? [[String: Any]]) }
        }
    }

    /// It is built beside the tests.
    static var path: String {
        get throws {
            let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(filePath: tests).deletingLastPathComponent().appending(path: "shareledger").path
        }
    }

    /// Runs it to its end; a minute is enough for any command of a test.
    func run(_ words: [String], input: String = "") async throws -> Finished {
        try await Run().finish(try command(words, errors: "errors"), input: input)
    }

    /// Runs a script of the shell in which `$1` is the program, and the words follow.
    func run(shell script: String, _ words: [String]) async throws -> Finished {
        let arguments = [try Self.path] + words
        return try await Run().finish { file in try shell("exec 2>\"$0\"; \(script)", [file] + arguments) }
    }

    /// Runs one of the repository's `tools` to its end, for as long as `limit`.
    func run(tool: String, _ words: [String], within limit: Duration) async throws -> Finished {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized
        let program = sources.appending(path: "tools/\(tool)").path
        return try await Run().finish(try command(words, of: program, errors: "errors"), within: limit)
    }

    /// Starts it, has it append what it says to `log`, and does not wait; it leaves its number in `identity`.
    func start(_ words: [String], log: String, identity: String) throws -> ChildProcess {
        let script = "echo $$ >\"$1\"; shift; exec \"$@\" >>\"$0\" 2>&1"
        return try shell(script, [log, identity] + [Self.path] + words)
            .start(input: FileDescriptor(inMemory: ""))
    }

    private func command(
        _ words: [String],
        of program: String? = nil,
        errors: String,
    ) throws -> @Sendable (String) throws -> Command {
        let arguments = [try program ?? Self.path] + words
        return { file in try shell("exec \"$@\" 2>\"$0\"", [file] + arguments) }
    }

    /// The shell is only there to send the outputs where they belong; no argument passes through its grammar.
    private func shell(_ script: String, _ arguments: [String]) throws -> Command {
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return Command(
            "/bin/sh",
            ["-c", script] + arguments,
            environment: ["PATH": path, "HOME": user.home].merging(environment) { $1 },
            user: user,
        )
    }
}

/// Waits for one run on a thread of its own.
private actor Run {
    private let executor = BlockingExecutor(label: "shareledger.test-run")

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.unowned
    }

    func finish(
        _ command: (String) throws -> Command,
        input: String = "",
        within limit: Duration = .seconds(60),
    ) throws -> ShareLedgerProgram.Finished {
        let directory = try TemporaryDirectory()
        let errors = directory.path(of: "errors")
        let patience = Patience(limit, endsWithTask: false)
        let result = try command(errors).run(input: input, patience: patience)
        let status: Int32 =
            switch result.exit {
            case .code(let code): code
            case .signal(let signal): 128 + signal
            case .unknown: -1
            }
        return ShareLedgerProgram.Finished(
            status: status,
            output: result.output,
            errors: String(decoding: try Data(contentsOf: URL(filePath: errors)), as: UTF8.self),
        )
    }
}
