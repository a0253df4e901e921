import Foundation
package import Linux

/// The directory that holds everything ShareLedger keeps on its machine, mode 0700, and the user who owns it.
///
/// ``PrivateCluster`` keeps `pgdata/`, `socket/`, `cluster.lock`, `change.lock` and `postgresql.log` in it.
package struct DataDirectory: Sendable {
    /// Absolute and free of symbolic links.
    package let path: String

    /// Never root: the user that PostgreSQL runs as, and the service too, once it has bound its ports.
    package let owner: OSUser

    /// The path of an entry.
    package func path(of entry: String) -> String {
        "\(path)/\(entry)"
    }
}

// MARK: - Preparing

extension DataDirectory {
    /// The entry by which a directory is known to be ours.
    static let lockName = "cluster.lock"

    /// What may lie in one that is not ours yet: put there for the first start, or by the file system.
    private static let earlyEntries: Set = ["key", "token", "postgresql.conf", "lost+found"]

    /// Finds or makes the directory and chooses its owner; nothing is given up yet, see ``Privileges``.
    ///
    /// As root the owner is whoever owns an existing directory, else `shareledger`, else `postgres`, else `nobody`.
    /// - Parameter path: absolute, or relative to the working directory.
    /// - Throws: ``ClusterError`` if another user could exchange the directory, owns it, or if the owner, or whoever asks,
    ///   cannot reach it.
    package static func prepare(at path: String) throws -> DataDirectory {
        try ClusterError.translating("prepare the data directory") {
            do {
                let walk = try PathWalk(absolute(path))
                let owner = try chooseOwner(existing: walk.target)
                try check(walk, owner: owner)
                let directory = DataDirectory(path: walk.path, owner: owner)
                try directory.make(walk)
                return directory
            } catch let error as SystemError where error.isForWantOfRights {
                throw ClusterError(
                    .accessDenied,
                    "The data directory \(path) cannot be used (\(error)): run as a user who may enter and write it, or name "
                        + "another one (--data).",
                )
            }
        }
    }

    /// Whether a directory is one of ours, with a database where that is asked for; changes nothing.
    ///
    /// True as well where that cannot be seen: preparing it says why.
    package static func exists(at path: String, withDatabase: Bool) -> Bool {
        let entries = withDatabase ? [lockName, Server.databaseName] : [lockName]
        return entries.allSatisfy { name in
            do { return try FileStatus("\(path)/\(name)") != nil } catch { return true }
        }
    }

    private static func absolute(_ path: String) throws -> String {
        guard !path.isEmpty, !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw ClusterError(
                .directoryRefused,
                "The path of a data directory is not empty and holds no control characters.",
            )
        }
        return path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    private static func chooseOwner(existing: PathWalk.Step?) throws -> OSUser {
        guard OSUser.currentID == 0 else {
            guard let user = try OSUser.with(id: OSUser.currentID) else {
                throw ClusterError(
                    .unusableUser,
                    "User id \(OSUser.currentID) has no name, and PostgreSQL needs one: add it to /etc/passwd.",
                )
            }
            return user
        }
        if let existing, existing.status.kind == .directory, existing.status.ownerID != 0 {
            guard let user = try OSUser.with(id: existing.status.ownerID) else {
                throw ClusterError(
                    .unusableUser,
                    "\(existing.path) belongs to user id \(existing.status.ownerID), which has no name.",
                )
            }
            return user
        }
        for name in ["shareledger", "postgres", "nobody"] {
            if let user = try OSUser.named(name), user.id != 0 { return user }
        }
        throw ClusterError(
            .unusableUser,
            "PostgreSQL does not run as root: make a user for it (useradd --system shareledger).",
        )
    }
}

// MARK: - Checking the way

extension DataDirectory {
    private static func check(_ walk: PathWalk, owner: OSUser) throws {
        let trusted: Set<UInt32> = [0, owner.id]
        for link in walk.links where !trusted.contains(link.status.ownerID) {
            throw ClusterError(
                .directoryRefused,
                "\(link.path) is a symbolic link of user id \(link.status.ownerID), who could point it elsewhere. "
                    + "Name the directory itself.",
            )
        }
        let parents = walk.target == nil ? walk.directories[...] : walk.directories.dropLast()
        guard !walk.path.isEmpty, walk.path != "/" else {
            throw ClusterError(.directoryRefused, "/ cannot be the data directory.")
        }
        for parent in parents {
            guard parent.status.kind == .directory else {
                throw ClusterError(.directoryRefused, "\(parent.path) is not a directory.")
            }
            try refuseDatabase(parent.path)
            let isShared = parent.status.permissions & 0o002 != 0
            if parent.status.letsAnybodyReplaceEntries {
                throw ClusterError(
                    .directoryRefused,
                    "Anybody may write to \(parent.path) and so exchange the data directory: chmod o-w \(parent.path), "
                        + "or name another one.",
                )
            }
            if isShared, !trusted.contains(parent.status.ownerID) {
                throw ClusterError(
                    .directoryRefused,
                    "\(parent.path) is open to all and belongs to user id \(parent.status.ownerID), who could exchange "
                        + "the data directory: name a directory below one of root's or of \(owner.name)'s.",
                )
            }
            if OSUser.currentID == 0, !parent.status.isPassable(for: owner) {
                throw ClusterError(
                    .unusableUser,
                    "User \(owner.name), whom the server runs as, may not enter \(parent.path): name another data "
                        + "directory (--data /var/lib/shareledger), or chmod o+x \(parent.path).",
                )
            }
        }
    }
}

// MARK: - Making

extension DataDirectory {
    /// Nothing is to be made among the files of a PostgreSQL, our own or another.
    private static func refuseDatabase(_ path: String) throws {
        guard try FileStatus("\(path)/PG_VERSION") == nil else {
            throw ClusterError(
                .directoryRefused,
                "\(path) is the directory of a PostgreSQL database: name another data directory, not in it.",
            )
        }
    }

    private func make(_ walk: PathWalk) throws {
        var parent = walk.directories.last?.path ?? "/"
        for name in walk.missing.dropLast() {
            parent += parent == "/" ? name : "/\(name)"
            _ = try FileStatus.makeDirectory(parent, permissions: 0o755)
        }
        // Two first starts at once: whoever comes second finds the directory, and takes it as it is.
        _ = try FileStatus.makeDirectory(path, permissions: 0o700)
        guard let status = try FileStatus(path), status.kind == .directory else {
            throw ClusterError(.directoryRefused, "\(path) is not a directory.")
        }
        let mayAdopt = OSUser.currentID == 0 && status.ownerID == 0
        guard status.ownerID == owner.id || mayAdopt else {
            let name = try OSUser.with(id: status.ownerID)?.name ?? "id \(status.ownerID)"
            throw ClusterError(.foreignOwner, "\(path) belongs to user \(name): run as that user, or as root.")
        }
        try Self.refuseDatabase(path)
        try refuseForeignFiles()
        if status.ownerID != owner.id || status.permissions != 0o700 {
            try FileDescriptor(path, for: .directory).setOwner(owner, permissions: 0o700)
        }
        let lock = try FileDescriptor(path(of: Self.lockName), for: .locking)
        try lock.setOwner(owner, permissions: 0o600)
    }

    /// A directory with other people's files is not ours, whoever owns it.
    private func refuseForeignFiles() throws {
        let entries = try FileManager.default.contentsOfDirectory(atPath: path)
        guard entries.contains(Self.lockName) || Self.earlyEntries.isSuperset(of: entries) else {
            throw ClusterError(
                .directoryRefused,
                "\(path) holds files that are not ShareLedger's: name an empty directory or one that does not exist.",
            )
        }
    }

    /// Makes a directory of the owner's, mode 0700; false if something stands there already.
    package func makeOwned(_ path: String) throws -> Bool {
        guard try FileStatus.makeDirectory(path, permissions: 0o700) else { return false }
        try FileDescriptor(path, for: .directory).setOwner(owner, permissions: 0o700)
        return true
    }

    /// Puts a file of the owner's, mode 0600, in place of whatever stands at `path`, all of it or nothing.
    package func replace(_ path: String, with text: String) throws {
        let draft = path + ".new"
        try FileStatus.remove(draft)
        let file = try FileDescriptor(draft, for: .creating)
        try file.write(text)
        try file.setOwner(owner, permissions: 0o600)
        try file.synchronize()
        try FileStatus.rename(draft, to: path)
    }
}
