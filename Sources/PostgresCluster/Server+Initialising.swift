import Foundation
package import Linux
import Logging

extension Server {
    /// Makes the database with its roles, unless there is one; all of it or nothing.
    ///
    /// - Parameter lock: held by `initdb` as well, so that nobody takes over while one lives whose starter was killed.
    package func initialiseIfNeeded(holding lock: borrowing FileLock, patience: Patience) throws {
        if try databaseVersion() != nil { return }
        let binaries = try findBinaries(patience: patience)
        let draft = directory.path(of: "pgdata.unfinished")
        if try FileStatus(draft) != nil {
            logger.notice("Removing a database whose making was interrupted", metadata: ["path": "\(draft)"])
            try remove(draft)
        }
        logger.info("Making the database", metadata: ["path": "\(databasePath)", "version": "\(binaries.version)"])
        do {
            try makeDatabase(in: draft, binaries: binaries, holding: lock, patience: patience)
            try FileDescriptor(draft, for: .directory).synchronize()
            try FileStatus.rename(draft, to: databasePath)
            try FileDescriptor(directory.path, for: .directory).synchronize()
        } catch {
            do {
                try remove(draft)
            } catch let leftover {
                logger.warning("Could not remove an unfinished database", metadata: ["cause": "\(leftover)"])
            }
            throw error
        }
    }

    private func makeDatabase(
        in path: String,
        binaries: ServerBinaries,
        holding lock: borrowing FileLock,
        patience: Patience,
    ) throws {
        var arguments = [
            "--pgdata=\(path)",
            "--username=\(ClusterRole.administrator.rawValue)",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C",
            "--auth-local=peer",
            "--auth-host=reject",
            "--no-instructions",
        ]
        // Sorted by bytes, which no upgrade of the C library can change; letters of all scripts are known as such.
        if CharacterClasses.areInstalled(for: "C.UTF-8") { arguments.append("--lc-ctype=C.UTF-8") }
        if !settings.isDurable { arguments.append("--no-sync") }
        let made = try command("initdb", arguments, of: binaries).run(holding: lock, patience: patience)
        guard made.isSuccess else {
            throw ClusterError(.initialisationFailed, "initdb could not make the database.", output: made.output)
        }
        let single = ["--single", "-D", path, "-c", "exit_on_error=true", "-c", "log_min_messages=error", "template1"]
        let filled = try command("postgres", single, of: binaries)
            .run(input: ServerSettings.bootstrap, holding: lock, patience: patience)
        guard filled.isSuccess else {
            throw ClusterError(.initialisationFailed, "The roles could not be made.", output: filled.output)
        }
    }

    private func remove(_ path: String) throws {
        guard try FileStatus(path) != nil else { return }
        try FileManager.default.removeItem(atPath: path)
    }
}
