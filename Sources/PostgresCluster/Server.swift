import Foundation
package import Linux
package import Logging

/// The PostgreSQL server of one data directory, seen from outside: what is known of it is in files and in `/proc`.
///
/// Every function blocks, and all that change something want ``PrivateCluster``'s change lock held: two processes
/// must not initialise, start or stop at once. The server belongs to no process of ours; it outlives them.
package struct Server: Sendable {
    let directory: DataDirectory
    let settings: ServerSettings
    let logger: Logger
    let environment: [String: String]

    /// - Parameter environment: where `PATH` and `XDG_RUNTIME_DIR` are looked up; the server sees neither.
    package init(
        directory: DataDirectory,
        settings: ServerSettings,
        logger: Logger,
        environment: [String: String] = ProcessInfo.processInfo.environment,
    ) {
        self.directory = directory
        self.settings = settings
        self.logger = logger
        self.environment = environment
    }

    var owner: OSUser { directory.owner }

    /// The directory of the database.
    package var databasePath: String { directory.path(of: Self.databaseName) }

    static let databaseName = "pgdata"

    /// Where a running server says what it is.
    package var postmasterFilePath: String { "\(databasePath)/postmaster.pid" }

    /// What the server says.
    package var log: ServerLog { ServerLog(path: directory.path(of: "postgresql.log"), owner: owner) }

    /// A command with an environment of its own, so that no `PG…` variable or locale of the caller's reaches it.
    package func command(_ program: String, _ arguments: [String], of binaries: ServerBinaries) -> Command {
        Command(
            binaries.path(of: program),
            arguments,
            environment: [
                "PATH": "\(binaries.directory):/usr/bin:/bin",
                "HOME": owner.home,
                "USER": owner.name,
                "LANG": "C",
                "LC_ALL": "C",
                "TZ": "UTC",
            ],
            user: owner,
        )
    }

    /// The programs for the database as it is, or the newest if there is none yet.
    package func findBinaries(patience: Patience) throws -> ServerBinaries {
        try .find(version: try databaseVersion(), environment: environment, user: owner, patience: patience)
    }

    /// The major version that made the database; nil if there is none yet.
    package func databaseVersion() throws -> Int? {
        guard let status = try FileStatus(databasePath) else { return nil }
        guard status.kind == .directory, try FileStatus("\(databasePath)/PG_VERSION") != nil else {
            throw ClusterError(
                .damaged,
                "\(databasePath) is not a PostgreSQL database (PG_VERSION is missing): restore it, or move it away "
                    + "to begin with an empty one.",
            )
        }
        guard status.ownerID == owner.id else {
            throw ClusterError(
                .foreignOwner,
                "\(databasePath) does not belong to user \(owner.name), who owns \(directory.path): "
                    + "chown -R \(owner.name) \(directory.path)",
            )
        }
        let text = try FileDescriptor("\(databasePath)/PG_VERSION", for: .reading).text(atMost: 64)
        guard let version = Int(text.prefix { $0.isASCII && $0.isNumber }) else {
            throw ClusterError(.damaged, "\(databasePath)/PG_VERSION does not hold a version.", detail: text)
        }
        return version
    }
}

// MARK: - Observing

extension Server {
    /// Whether a server runs on the database.
    package enum Observation {
        case running(PostmasterFile)

        /// Somebody works on the database with `postgres --single`.
        case standalone(Int32)

        /// None does. `isMisleading`: `postmaster.pid` is there and PostgreSQL would take it for a living server's,
        /// because it is half written, or its number now belongs to another process.
        case stopped(isMisleading: Bool)
    }

    private static let programNames: Set<String> = ["postgres", "postmaster"]

    /// Looks once.
    package func observe() throws -> Observation {
        let text: String
        do {
            text = try FileDescriptor(postmasterFilePath, for: .reading).text(atMost: 8192)
        } catch let error where error.code == ENOENT {
            return .stopped(isMisleading: false)
        }
        guard let file = PostmasterFile(text) else { return .stopped(isMisleading: true) }
        ProcessHandle.reap(file.processID)
        guard let process = try ProcessTable.entry(file.processID) else { return .stopped(isMisleading: false) }
        guard !process.isZombie, Self.programNames.contains(process.name),
            try worksHere(process)
        else { return .stopped(isMisleading: true) }
        return file.isStandalone ? .standalone(file.processID) : .running(file)
    }

    /// Processes of a server on this database, whether or not it still has a postmaster.
    package func remainingProcesses() throws -> [ProcessTable.Entry] {
        guard let status = try FileStatus(databasePath) else { return [] }
        return try ProcessTable.entries(named: Self.programNames, in: status.identity)
    }

    private func worksHere(_ process: ProcessTable.Entry) throws -> Bool {
        guard let directory = process.workingDirectory else {
            // Not to be looked at. One of the owner's is taken for the server: killing a file under it loses data.
            return process.ownerID == owner.id
        }
        return try directory == FileStatus(databasePath)?.identity
    }
}
