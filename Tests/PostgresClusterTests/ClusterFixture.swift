import Foundation
import Linux
import Logging
import PostgresCluster
import TestSupport
import Testing

/// A private cluster's data directory, and ways to look at its server from outside.
struct ClusterFixture {
    let temporary: TemporaryDirectory
    let directory: DataDirectory
    let handler = CollectingLogHandler()

    /// Fast: without fsync, which no test here depends on.
    static let settings = ServerSettings(access: .owner, isDurable: false, maximumConnections: 10)

    init(_ name: String = "data") throws {
        temporary = try TemporaryDirectory()
        directory = try DataDirectory.prepare(at: temporary.path(of: name))
    }

    var logger: Logger {
        Logger(label: "test", logLevel: .debug, handler: handler)
    }

    var server: Server {
        Server(directory: directory, settings: Self.settings, logger: logger)
    }

    var patience: Patience {
        Patience(.seconds(60), endsWithTask: false)
    }

    func open(settings: ServerSettings = ClusterFixture.settings) async throws -> PrivateCluster {
        try await PrivateCluster.open(directory, logger: logger, settings: settings, timeout: .seconds(60))
    }

    /// Runs `body` with an open cluster, and closes it afterwards.
    func withCluster(
        settings: ServerSettings = ClusterFixture.settings,
        _ body: (PrivateCluster) async throws -> Void,
    ) async throws {
        let cluster = try await open(settings: settings)
        do {
            try await body(cluster)
        } catch {
            try await cluster.close()
            throw error
        }
        try await cluster.close()
    }

    /// The process id of the running server; nil if none runs.
    func serverID() throws -> Int32? {
        guard case .running(let file) = try server.observe() else { return nil }
        return file.processID
    }

    /// Runs SQL through peer authentication, as the user who owns the data directory.
    func query(_ sql: String, as role: String, database: String = "shareledger") throws -> Command.Result {
        guard case .running(let file) = try server.observe(), let endpoint = file.endpoint else {
            throw ClusterError(.startFailed, "No server runs.")
        }
        let arguments = [
            "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-h", endpoint.socketDirectory, "-U", role,
            "-d", database,
        ]
        return try server.command("psql", arguments, of: server.findBinaries(patience: patience))
            .run(input: sql, patience: patience)
    }

    /// Makes a database and leaves it stopped.
    func makeStopped() async throws {
        try await open().close()
    }

    /// Sends a signal and, for one that ends it, waits until the process is gone.
    func signal(_ id: Int32, _ signal: Int32, waits: Bool = true) throws {
        guard try send(signal, to: id), waits else { return }
        while let entry = try ProcessTable.entry(id), !entry.isZombie { try patience.pause() }
    }

    private func send(_ signal: Int32, to id: Int32) throws -> Bool {
        guard let process = try ProcessHandle(id: id) else { return false }
        return try process.send(signal)
    }
}
