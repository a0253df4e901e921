import Foundation
import Linux
import TestSupport
import Testing

@Suite struct CommandTests {
    private let user: OSUser

    init() throws {
        user = try #require(try OSUser.with(id: OSUser.currentID))
    }

    private func shell(_ script: String, environment: [String: String] = [:]) -> Command {
        Command("/bin/sh", ["-c", script], environment: environment, user: user)
    }

    private let patience = Patience(.seconds(20))

    @Test func `a command is given its input and leaves output and exit code behind`() throws {
        let result = try shell("read -r line; echo \"got $line\"; echo wrong >&2; exit 3").run(
            input: "this\n",
            patience: patience,
        )
        #expect(result.output == "got this\nwrong\n")
        #expect(result.exit == .code(3))
        #expect(!result.isSuccess)
    }

    @Test func `a command sees its own environment and nothing of ours`() throws {
        let env = Command("/usr/bin/env", environment: ["ONLY": "this one"], user: user)
        #expect(try env.run(patience: patience).output == "ONLY=this one\n")
    }

    @Test func `a command inherits no descriptor and leads its session`() throws {
        let open = try FileDescriptor("/etc/hostname", for: .reading)
        let result = try shell(
            "for number in 3 4 5 6 7 8 9 10 11 12; do [ -e /proc/$$/fd/$number ] && echo $number; done; "
                + "read -r _ _ _ _ _ session _ </proc/$$/stat; [ $session = $$ ] && echo leads"
        ).run(patience: patience)
        #expect(result.output == "leads\n")
        #expect(try open.size > 0)
    }

    @Test func `a command that overstays is killed with what it started`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path(of: "id")
        let script = shell("sleep 600 & echo $! > \(path); wait", environment: ["PATH": "/usr/bin:/bin"])
        #expect(throws: Patience.Exhausted.self) { try script.run(patience: Patience(.milliseconds(500))) }
        let id = try #require(Int32(try String(contentsOfFile: path, encoding: .utf8).dropLast()))
        let sleeper = try ProcessHandle(id: id)
        switch consume sleeper {
        case .some(let sleeper):
            var status: ProcessExit?
            while status == nil {
                try patience.check()
                status = try sleeper.waitForExit(slicedBy: patience)
            }
        case .none: break
        }
    }

    @Test func `a cancelled task kills the command it waits for`() async throws {
        let command = shell("sleep 600", environment: ["PATH": "/usr/bin:/bin"])
        let task = Task { @concurrent in try command.run(patience: Patience(.seconds(60))) }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }

    @Test func `a conversation with a command goes line by line`() throws {
        let towards = try AnonymousPipe()
        let back = try AnonymousPipe()
        let child = try shell("while read -r line; do echo \"<$line>\"; [ \"$line\" != last ] || exit 0; done")
            .start(input: towards.reading, output: back.writing)
        try towards.writing.write("one\ntwo\n")
        #expect(try back.reading.line(patience: patience) == "<one>")
        #expect(try back.reading.line(patience: patience) == "<two>")
        #expect(throws: Patience.Exhausted.self) { try back.reading.line(patience: Patience(.milliseconds(20))) }
        try towards.writing.write("last\n")
        #expect(try back.reading.line(patience: patience) == "<last>")
        #expect(try child.wait(patience: patience) == .code(0))
    }

    @Test func `a command is ended by a signal, and killed if it will not end`() throws {
        let pipe = try AnonymousPipe()
        let back = try AnonymousPipe()
        let deaf = try shell("trap '' TERM; echo ready; while :; do read -r _ || sleep 1; done")
            .start(input: pipe.reading, output: back.writing)
        #expect(try back.reading.line(patience: patience) == "ready")
        try deaf.end(with: SIGTERM, patience: Patience(.milliseconds(50)))
        #expect(try ProcessTable.entry(deaf.id) == nil)
    }

    @Test func `a program that is not there is an error`() throws {
        #expect(throws: SystemError.self) {
            try Command("/nonexistent/program", user: user).run(patience: patience)
        }
    }

    @Test func `only the end of long output is kept`() throws {
        let result = try shell("seq 100000; echo end", environment: ["PATH": "/usr/bin:/bin"]).run(patience: patience)
        #expect(result.output.utf8.count == 65_536)
        #expect(result.output.hasSuffix("100000\nend\n"))
    }

    @Test func `a signal that ended a command is told from an exit code`() throws {
        #expect(try shell("kill -TERM $$").run(patience: patience).exit == .signal(SIGTERM))
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `root runs a command as another user with that user's group only`() throws {
        let nobody = try #require(try OSUser.named("nobody"))
        let id = Command("/usr/bin/id", user: nobody)
        let result = try id.run(patience: patience)
        #expect(result.output.contains("uid=\(nobody.id)(nobody)"))
        #expect(result.output.hasSuffix("groups=\(nobody.groupID)(nogroup)\n"))
    }
}
