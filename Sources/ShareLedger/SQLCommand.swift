import Arguments
import Dispatch
import Foundation
import Linux
import Postgres
import PostgresCluster

private let rest = Command.Positional("PSQL ARGUMENTS", help: "Passed on to psql as they are")

let sqlCommand = Command(
    "sql",
    summary: "Open psql as the auditor, who can read the audit views and change nothing",
    discussion: """
        The views are in the schema audit: \\d shows them, \\d+ audit.message explains every column of one. The private
        database stays up while psql runs. With another one, set SHARELEDGER_AUDITOR_URL to a URL that connects as
        shareledger_auditor. The exit status is psql's.

        This is for the owner of the data directory, or root, who could connect as any role: it is no boundary. An auditor
        gets a login of their own on a PostgreSQL server, the one that DATABASE_URL names or one that a dump was restored
        into: CREATE ROLE ann LOGIN PASSWORD '…' IN ROLE shareledger_auditor. See "An auditor's login" in docs/operations.md.
        """,
    examples: [
        .init("sql", "A prompt"),
        .init("sql -- -c 'SELECT * FROM audit.shared_with'", "One question"),
        .init("sql -- --csv -f questions.sql", "Questions from a file, answers as CSV"),
    ],
    options: Options.common,
    rest: rest,
) { arguments in
    let words = arguments.rest
    let directory = try Workspace.directory(arguments, mayCreate: false)
    let workspace = try await Workspace.open(directory, arguments)
    do {
        let status = try await AuditorShell(workspace: workspace).run(words)
        try await workspace.close()
        return status
    } catch {
        // Why psql was not run matters more than what goes wrong afterwards.
        try? await workspace.close()
        throw error
    }
}

/// Runs psql on our terminal and waits for it, while the private database stays up.
private struct AuditorShell: Sendable {
    let workspace: Workspace

    func run(_ words: [String]) async throws -> Int32 {
        guard let configuration = await workspace.configuration(.auditor) else {
            throw CommandFailure(
                "this needs a way in for the auditor: set SHARELEDGER_AUDITOR_URL to a URL that connects as shareledger_auditor",
                status: 78,
            )
        }
        guard let user = try OSUser.with(id: OSUser.currentID) else {
            throw CommandFailure("user id \(OSUser.currentID) has no name", status: 78)
        }
        let command = Linux.Command(
            try program(),
            words,
            environment: try environment(configuration),
            user: user,
        )
        // As system(3) does: what the terminal sends is psql's to act on, and we wait for how it ends.
        for number in [SIGINT, SIGQUIT, SIGHUP] {
            signal(number, SIG_IGN)
        }
        let shell = RunningShell(try command.startInForeground())
        let workspace = workspace
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask {
                // Ends by cancellation only.
                try? await workspace.maintain()
                return nil
            }
            group.addTask { try await shell.status() }
            while let ended = try await group.next() {
                guard let status = ended else { continue }
                group.cancelAll()
                return status
            }
            return 70
        }
    }

    /// psql on the `PATH`, or beside the newest server that Debian has installed.
    private func program() throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let candidates = path.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/psql" }
        guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw CommandFailure("psql is not installed: apt install postgresql-client", status: 69)
        }
        return found
    }

    /// Ours, but for what would have libpq connect elsewhere or as somebody else.
    private func environment(_ configuration: PostgresConfiguration) throws -> [String: String] {
        let way = try configuration.programEnvironment()
        var dropped: Set = ["PGUSER", "PGPASSWORD", "PGSERVICE", "DATABASE_URL"]
        if way["PGHOST"] != nil { dropped.insert("PGHOSTADDR") }
        if workspace.isPrivate { dropped.formUnion(PostgresConfiguration.environmentVariables) }
        let kept = ProcessInfo.processInfo.environment
            .filter { !dropped.contains($0.key) && !$0.key.hasPrefix("SHARELEDGER_") }
        return
            kept
            .merging(["PGAPPNAME": "shareledger sql", "PGOPTIONS": "-c search_path=audit"]) { $1 }
            .merging(way) { $1 }
    }
}

/// A psql that has been started, waited for on a thread of its own.
private actor RunningShell {
    private let executor = BlockingExecutor(label: "shareledger.sql")
    private let child: ChildProcess

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.unowned
    }

    init(_ child: consuming ChildProcess) {
        self.child = child
    }

    /// Its exit status, or 128 and the signal that ended it; SIGTERM to us is passed on to it.
    ///
    /// How long somebody sits at a prompt is up to them: this is the one wait without a deadline.
    func status() throws -> Int32 {
        let terminated = DispatchSemaphore(value: 0)
        signal(SIGTERM, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        source.setEventHandler { @Sendable in terminated.signal() }
        source.resume()
        defer { source.cancel() }
        while true {
            switch try child.exitStatus(slicedBy: Patience(.seconds(1), endsWithTask: false)) {
            case .code(let code): return code
            case .signal(let number): return 128 + number
            case .unknown: return 70
            case nil: break
            }
            if terminated.wait(timeout: .now()) == .success { try child.send(SIGTERM) }
        }
    }
}
