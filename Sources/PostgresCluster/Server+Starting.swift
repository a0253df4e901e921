import Foundation
package import Linux
import Logging

extension Server {
    /// Finds the server that runs, or starts one, and returns once it answers.
    ///
    /// - Throws: ``ClusterError``; past `patience` with ``ClusterError/Code/timedOut``, and a server that is still
    ///   recovering is left to finish, so that the next attempt finds it further on.
    package func startOrAdopt(patience: Patience) throws -> ClusterEndpoint {
        let binaries = try findBinaries(patience: patience)
        var refusals = 0
        while true {
            switch try observe() {
            case .standalone(let id):
                throw ClusterError(.heldElsewhere, "Process \(id) works on the database with postgres --single.")
            case .running(let file):
                guard let endpoint = try waitUntilReady(file.processID, patience: patience),
                    try waitUntilAnswering(endpoint, of: file.processID, binaries: binaries, patience: patience)
                else { continue }
                logger.info("Using the server that runs", metadata: ["process.id": "\(file.processID)"])
                return endpoint
            case .stopped(let isMisleading):
                guard try endOrphans(patience: patience) else { continue }
                if isMisleading {
                    logger.notice("Removing the process file of a server that is gone")
                    try FileStatus.remove(postmasterFilePath)
                }
            }
            switch try launch(binaries, patience: patience) {
            case .ready(let endpoint):
                return endpoint
            case .refused(let output):
                refusals += 1
                // Another starter was faster, or the kernel has not yet let go of a dead server's memory.
                let mayPass = output.contains("lock file") || output.contains("pre-existing shared memory block")
                guard mayPass, refusals < 20 else {
                    throw ClusterError(.startFailed, "PostgreSQL did not start (see \(log.path)).", output: output)
                }
                try patience.pause()
            }
        }
    }
}

// MARK: - Launching

extension Server {
    private enum Launch {
        case ready(ClusterEndpoint)
        case refused(output: String)
    }

    private func launch(_ binaries: ServerBinaries, patience: Patience) throws -> Launch {
        let socket = try SocketDirectory.choose(for: directory, environment: environment)
        let endpoint = ClusterEndpoint(socketDirectory: socket.path, port: 5432)
        if try answers(endpoint, binaries: binaries, patience: patience) {
            throw ClusterError(
                .heldElsewhere,
                "A server answers at \(socket.path), but its process cannot be seen from here: it runs in another "
                    + "container on the same data directory, which must be stopped first.",
            )
        }
        try socket.removeLock()
        try writeSettings(socket, binaries: binaries, patience: patience)
        try log.trim(into: directory)
        let output = try log.open()
        let offset = try output.size
        let child = try command("postgres", ["-D", databasePath], of: binaries).start(output: output)
        do {
            return try wait(for: child, since: offset, binaries: binaries, patience: patience)
        } catch let cancellation as CancellationError {
            // Nobody uses it yet, and it may not yet have written the file by which it could be found and stopped.
            try child.end(with: SIGINT, patience: Patience(.seconds(60), endsWithTask: false))
            throw cancellation
        }
    }

    private func wait(
        for child: borrowing ChildProcess,
        since offset: Int,
        binaries: ServerBinaries,
        patience: Patience,
    ) throws -> Launch {
        var announced = ContinuousClock.now
        while true {
            if try child.exitStatus(slicedBy: patience.limited(to: .milliseconds(10))) != nil {
                return .refused(output: try log.text(since: offset))
            }
            if case .running(let file) = try observe(), file.processID == child.id,
                file.status == .ready || file.status == .standby, let endpoint = file.endpoint,
                try waitUntilAnswering(endpoint, of: child.id, binaries: binaries, patience: patience)
            {
                logger.info("Started PostgreSQL", metadata: ["process.id": "\(child.id)"])
                return .ready(endpoint)
            }
            if announced + .seconds(10) < .now {
                announced = .now
                logger.notice("Waiting for PostgreSQL to recover", metadata: ["process.id": "\(child.id)"])
            }
            try patience.check()
        }
    }

    private func writeSettings(_ socket: SocketDirectory, binaries: ServerBinaries, patience: Patience) throws {
        let probe = ["-D", databasePath, "-c", "default_toast_compression=lz4", "-c", "wal_compression=lz4"]
        let knowsLZ4 = try command("postgres", probe + ["-C", "wal_compression"], of: binaries).run(patience: patience)
        let ownSettings = directory.path(of: "postgresql.conf")
        let configuration = settings.configuration(
            socketDirectory: socket.path,
            ownSettings: ownSettings,
            includesOwnSettings: try FileStatus(ownSettings) != nil,
            compression: knowsLZ4.isSuccess ? "lz4" : nil,
        )
        try directory.replace("\(databasePath)/postgresql.conf", with: configuration)
        try directory.replace("\(databasePath)/pg_hba.conf", with: settings.hostBasedAccess)
        try directory.replace("\(databasePath)/pg_ident.conf", with: ServerSettings.identityMap(owner: owner))
    }
}

// MARK: - Waiting

extension Server {
    /// Waits for a server that is not our child; nil if it ends instead.
    private func waitUntilReady(_ id: Int32, patience: Patience) throws -> ClusterEndpoint? {
        guard let process = try ProcessHandle(id: id) else { return nil }
        while true {
            guard case .running(let file) = try observe(), file.processID == id else { return nil }
            if file.status == .ready || file.status == .standby, let endpoint = file.endpoint { return endpoint }
            try patience.check()
            if try process.waitForExit(slicedBy: patience) != nil { return nil }
        }
    }

    /// Waits until a server takes connections; false if it ends instead.
    private func waitUntilAnswering(
        _ endpoint: ClusterEndpoint,
        of id: Int32,
        binaries: ServerBinaries,
        patience: Patience,
    ) throws -> Bool {
        while try !answers(endpoint, binaries: binaries, patience: patience) {
            guard case .running(let file) = try observe(), file.processID == id else { return false }
            try patience.pause()
        }
        return true
    }

    /// Whether a server takes connections there.
    private func answers(_ endpoint: ClusterEndpoint, binaries: ServerBinaries, patience: Patience) throws -> Bool {
        guard try FileStatus("\(endpoint.socketDirectory)/.s.PGSQL.\(endpoint.port)") != nil else { return false }
        let arguments = [
            "--host=\(endpoint.socketDirectory)",
            "--port=\(endpoint.port)",
            "--username=\(ClusterRole.service.rawValue)",
            "--dbname=\(ClusterEndpoint.databaseName)",
            "--timeout=3",
        ]
        return try command("pg_isready", arguments, of: binaries).run(patience: patience).isSuccess
    }

    /// Waits for what a dead postmaster left running to end, and ends it; false if a server has appeared meanwhile.
    private func endOrphans(patience: Patience) throws -> Bool {
        let began = ContinuousClock.now
        while true {
            let orphans = try remainingProcesses()
            if orphans.isEmpty { return true }
            if case .running = try observe() { return false }
            let waited = began.duration(to: .now)
            if waited > .seconds(1) {
                // They have no postmaster any more, so what they hold is lost already; recovery is at the next start.
                let signal = waited > .seconds(3) ? SIGKILL : SIGQUIT
                for orphan in orphans {
                    guard let process = try ProcessHandle(id: orphan.id) else { continue }
                    guard try remainingProcesses().contains(where: { $0.id == orphan.id }) else { continue }
                    logger.notice("Ending a process of a dead server", metadata: ["process.id": "\(orphan.id)"])
                    try process.send(signal)
                }
            }
            try patience.pause()
        }
    }
}
