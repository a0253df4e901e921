import Foundation
import Linux
import Logging
import PostgresCluster

/// The one PostgreSQL server of a test process, in a temporary directory that goes away with it.
///
/// It ends however the process ends. Run by root, it runs as an unprivileged user, and anybody who can reach the socket
/// may be any role.
package actor TestCluster {
    /// Loses what it holds in a crash of the machine, and is fast for it.
    package static let fast = TestCluster(isDurable: false)

    /// Writes through, for tests of what survives a crash of the server.
    package static let durable = TestCluster(isDurable: true)

    private struct Running {
        let server: Server
        let binaries: ServerBinaries
        let endpoint: ClusterEndpoint
    }

    private let executor = BlockingExecutor(label: "shareledger.test-cluster")
    private let settings: ServerSettings
    private var started: Result<Running, any Error>?
    private var watchdog: Watchdog?
    private var templates: [String: Task<Void, any Error>] = [:]
    private var databaseCount = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.unowned
    }

    private init(isDurable: Bool) {
        settings = ServerSettings(access: .anybody, isDurable: isDurable, maximumConnections: 400)
    }
}

// MARK: - Databases

extension TestCluster {
    /// Makes a database that is a copy of a template, which is made first if it does not exist yet.
    func makeDatabase(
        from template: String,
        prepare: @escaping @Sendable (TestDatabase) async throws -> Void,
    ) async throws -> TestDatabase {
        // Tests ask at the same time; one of them prepares, the others wait for the same task.
        let preparation =
            templates[template]
            ?? Task {
                let database = try self.create("template_\(template)", from: "template0")
                try await prepare(database)
            }
        templates[template] = preparation
        try await preparation.value
        databaseCount += 1
        return try create("test_\(databaseCount)", from: "template_\(template)")
    }

    func drop(_ database: TestDatabase) throws {
        _ = try run("DROP DATABASE \"\(database.name)\" WITH (FORCE)", database: "postgres", as: .administrator)
    }

    private func create(_ name: String, from template: String) throws -> TestDatabase {
        let statement = """
            CREATE DATABASE "\(name)" OWNER \(ClusterRole.owner.rawValue) TEMPLATE "\(template)" STRATEGY = wal_log
            """
        _ = try run(statement, database: "postgres", as: .administrator)
        return TestDatabase(name: name, endpoint: try running().endpoint, cluster: self)
    }

    /// Runs SQL with psql: rows one a line, columns separated by `|`.
    func run(_ sql: String, database: String, as role: ClusterRole) throws -> String {
        let running = try running()
        let arguments = [
            "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password",
            "--set=ON_ERROR_STOP=1",
            "--host=\(running.endpoint.socketDirectory)",
            "--port=\(running.endpoint.port)",
            "--username=\(role.rawValue)",
            "--dbname=\(database)",
        ]
        let result = try running.server.command("psql", arguments, of: running.binaries)
            .run(input: sql, patience: Patience(.seconds(60), endsWithTask: false))
        guard result.isSuccess else { throw TestDatabase.Failure(sql: sql, output: result.output) }
        return result.output
    }
}

// MARK: - Starting

extension TestCluster {
    /// Starts the server at the first call; a failure is kept, so that a thousand tests do not all wait for it.
    private func running() throws -> Running {
        if let started { return try started.get() }
        let result = Result { try start() }
        started = result
        return try result.get()
    }

    private func start() throws -> Running {
        let patience = Patience(.seconds(60), endsWithTask: false)
        let directory = try DataDirectory.prepare(at: "/tmp/shareledger-test-\(UUID().uuidString)")
        watchdog = try Watchdog(script: Self.cleanUp, [directory.path], user: directory.owner)
        let logger = Logger(label: "test.cluster", logLevel: .warning)
        let server = Server(directory: directory, settings: settings, logger: logger)
        let lock = try FileLock(path: directory.path(of: "change.lock"), owner: directory.owner)
        try lock.lock(.exclusive, patience: patience)
        try server.initialiseIfNeeded(holding: lock, patience: patience)
        return Running(
            server: server,
            binaries: try server.findBinaries(patience: patience),
            endpoint: try server.startOrAdopt(patience: patience),
        )
    }

    /// Ends the server and removes its directory.
    private static let cleanUp = """
        id=$(head -n 1 "$0/pgdata/postmaster.pid" 2>/dev/null) && kill -QUIT "$id" 2>/dev/null
        for _ in $(seq 200); do [ -e "$0/pgdata/postmaster.pid" ] || break; sleep 0.05; done
        rm -rf "$0"
        """
}
