import Foundation
import Linux
package import Logging

/// ShareLedger's own PostgreSQL, shared by all processes that use one data directory.
///
/// Two flocks keep order, and both vanish with their process even after kill -9. Every user holds `cluster.lock`
/// shared; whoever initialises, starts or stops holds `change.lock` alone meanwhile. The server is in a session of its
/// own and inherits neither, so it survives its starter, is adopted by the next process, and is stopped by the last.
package actor PrivateCluster {
    private let executor = BlockingExecutor(label: "shareledger.cluster")
    private let server: Server

    /// Held shared from opening to closing.
    private var users: FileLock?

    /// Where to connect; ``ensureRunning(timeout:)`` may change it.
    package private(set) var endpoint: ClusterEndpoint

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.unowned
    }

    private init(server: Server) {
        self.server = server
        endpoint = ClusterEndpoint(socketDirectory: server.directory.path(of: "socket"), port: 5432)
    }
}

// MARK: - Opening and closing

extension PrivateCluster {
    /// Joins the users of the cluster in `directory`, making its database and starting its server if need be.
    ///
    /// For a process of root's that has not dropped its privileges the server runs as the directory's owner, and only
    /// that user's processes can connect to it.
    /// - Parameter timeout: for all of it; recovery after a crash may take minutes.
    /// - Throws: ``ClusterError``, or `CancellationError`, which leaves no server behind that nobody uses.
    package static func open(
        _ directory: DataDirectory,
        logger: Logger,
        settings: ServerSettings = .service,
        timeout: Duration = .seconds(300),
    ) async throws -> PrivateCluster {
        let server = Server(directory: directory, settings: settings, logger: logger.labeled("cluster"))
        let cluster = PrivateCluster(server: server)
        try await cluster.join(timeout: timeout)
        return cluster
    }

    private func join(timeout: Duration) throws {
        let patience = Patience(timeout)
        let lock = try changing(patience: patience) { change in
            let lock = try FileLock(path: server.directory.path(of: DataDirectory.lockName), owner: server.owner)
            try lock.lock(.shared, patience: patience)
            try server.initialiseIfNeeded(holding: change, patience: patience)
            do {
                endpoint = try start(patience: patience)
            } catch let cancellation as CancellationError {
                try stop(unlessUsed: lock, timeout: .seconds(60))
                throw cancellation
            }
            return lock
        }
        users = consume lock
    }

    /// Leaves the users; the last one stops the server. Closing again does nothing.
    ///
    /// Works in a cancelled task as well: what was opened is closed.
    package func close(timeout: Duration = .seconds(60)) throws {
        guard let lock = users.take() else { return }
        try changing(patience: Patience(timeout, endsWithTask: false)) { _ in
            try stop(unlessUsed: lock, timeout: timeout)
        }
    }

    private func stop(unlessUsed lock: borrowing FileLock, timeout: Duration) throws {
        // Nobody can join while we hold the change lock, so what this finds stays true until we are done.
        guard try lock.tryLock(.exclusive) else { return }
        try server.stop(patience: Patience(timeout, endsWithTask: false))
    }
}

// MARK: - Using

extension PrivateCluster {
    /// Starts the server again if it has died, for a caller whose connection was lost.
    ///
    /// - Returns: where to connect now.
    @discardableResult
    package func ensureRunning(timeout: Duration = .seconds(300)) throws -> ClusterEndpoint {
        guard users != nil else { throw ClusterError(.closed, "The database was closed by this process.") }
        let patience = Patience(timeout)
        endpoint = try changing(patience: patience) { _ in
            try start(patience: patience)
        }
        return endpoint
    }

    private func start(patience: Patience) throws -> ClusterEndpoint {
        try ClusterError.translating("start PostgreSQL, which may still be recovering (try again)") {
            try server.startOrAdopt(patience: patience)
        }
    }

    /// Keeps the server running and its log bounded until its task is cancelled.
    ///
    /// A server that died would else stay away until somebody has something for it, and whoever looks first whether it is
    /// there never would. One that does not start is tried again at growing intervals.
    package func maintain(trimmingEvery interval: Duration = .seconds(60)) async throws {
        let shortest = Duration.seconds(1)
        let longest = Duration.seconds(30)
        var pause = shortest
        var nextTrim = ContinuousClock.now
        while true {
            do {
                if case .stopped = try server.observe() {
                    server.logger.warning("The server has died")
                    try ensureRunning()
                }
                pause = shortest
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                server.logger.error("The server does not start", metadata: ["cause": "\(error)"])
                pause = min(longest, pause * 2)
            }
            if nextTrim <= .now {
                trimLog()
                nextTrim = .now + interval
            }
            try await Task.sleep(for: pause)
        }
    }

    private func trimLog() {
        do {
            try server.log.trim(into: server.directory)
        } catch {
            server.logger.warning("Could not cut the server's log", metadata: ["cause": "\(error)"])
        }
    }
}

// MARK: - Changing

extension PrivateCluster {
    /// Runs `body` while no other process initialises, starts or stops.
    private func changing<Value: ~Copyable>(
        patience: Patience,
        _ body: (borrowing FileLock) throws -> Value,
    ) throws -> Value {
        try ClusterError.translating("get hold of the database, which another process starts or stops") {
            let change = try FileLock(path: server.directory.path(of: "change.lock"), owner: server.owner)
            try change.lock(.exclusive, patience: patience)
            return try body(change)
        }
    }
}
