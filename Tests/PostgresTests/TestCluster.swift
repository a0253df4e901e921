import Foundation
import Postgres
import Testing

extension Tag {
    /// Runs many tasks against each other; worth a run under the thread sanitizer.
    @Tag static var concurrency: Self
}

/// A PostgreSQL of the tests' own: a Unix socket in a temporary directory, stopped when the process ends.
final class TestCluster: Sendable {
    /// Started by the first test that needs it. Initialising it throws where no PostgreSQL is installed.
    static let shared = Result { try TestCluster() }

    let directory: String

    private init() throws {
        directory = "/tmp/slpg-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let isRoot = getuid() == 0
        if isRoot { try Self.run(["chown", "postgres", directory]) }
        let bin = try Self.binaries()
        let asPostgres = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []
        try Self.run(
            asPostgres + [
                "\(bin)/initdb", "--pgdata=\(directory)/data", "--username=postgres", "--auth=trust", "--no-sync",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
            ]
        )
        try startServer(
            pgCtl: (asPostgres + ["\(bin)/pg_ctl", "--pgdata=\(directory)/data", "--silent"]).joined(separator: " ")
        )
    }

    /// Starts the server under a shell that stops it, and removes the directory, when this process is gone.
    ///
    /// Not by waiting for `pg_ctl start`: Foundation waits until the last descendant has closed what it inherited.
    private func startServer(pgCtl: String) throws {
        let options = "-c listen_addresses= -c unix_socket_directories=\(directory) -c fsync=off -c max_connections=60"
        let script = """
            trap '' INT TERM
            \(pgCtl) --wait --log=\(directory)/log --options='\(options)' start < /dev/null > /dev/null 2>&1 || exit 1
            echo ready
            cat > /dev/null
            \(pgCtl) --mode=immediate stop
            rm -rf \(directory)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // Kept open by this process alone, so that it closes with us.
        #expect(fcntl(dup(input.fileHandleForWriting.fileDescriptor), F_SETFD, FD_CLOEXEC) == 0)
        try #require(output.fileHandleForReading.availableData == Data("ready\n".utf8), "see \(directory)/log")
    }

    /// A database of its own for one test, and how to connect to it.
    func makeDatabase() throws -> PostgresConfiguration {
        let name = "test\(UInt64.random(in: 0...UInt64.max))"
        var session = try PostgresSession.open(configuration(database: "postgres"))
        try session.execute("CREATE DATABASE \(identifier: name) STRATEGY = wal_log")
        return configuration(database: name)
    }

    func configuration(database: String) -> PostgresConfiguration {
        PostgresConfiguration(
            server: .keywords(["host": directory, "user": "postgres", "dbname": database]),
            applicationName: "tests",
            statementTimeout: .seconds(20),
        )
    }

    private static func binaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: root).compactMap(Int.init).sorted()
        return "\(root)/\(try #require(versions.last))/bin"
    }

    private static func run(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(command)")
    }
}

/// A place of a test's own on the shared server.
struct TestDatabase {
    let configuration: PostgresConfiguration

    /// The schema in which unqualified names are made and found.
    let schema: String

    /// A schema, which takes a millisecond to make.
    init() throws {
        let cluster = try TestCluster.shared.get()
        let schema = "test\(UInt64.random(in: 0...UInt64.max))"
        var configuration = cluster.configuration(database: "postgres")
        var session = try PostgresSession.open(configuration)
        try session.execute("CREATE SCHEMA \(identifier: schema)")
        configuration.settings["search_path"] = schema
        self.schema = schema
        self.configuration = configuration
    }

    /// A whole database, for tests that make schemas or take advisory locks.
    init(isolated: Void) throws {
        configuration = try TestCluster.shared.get().makeDatabase()
        schema = "public"
    }

    func open(_ change: (inout PostgresConfiguration) -> Void = { _ in }) throws -> PostgresSession {
        var configuration = configuration
        change(&configuration)
        return try PostgresSession.open(configuration)
    }
}
