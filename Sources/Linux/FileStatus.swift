import Glibc

/// What the file system knows of one path.
package struct FileStatus: Sendable {
    /// What stands at a path.
    package enum Kind: Sendable {
        case directory
        case symbolicLink
        case file
        case other
    }

    /// Tells files apart however they are reached.
    package struct Identity: Sendable, Hashable {
        private let device: UInt64
        private let inode: UInt64

        fileprivate init(device: UInt64, inode: UInt64) {
            self.device = device
            self.inode = inode
        }
    }

    /// What stands there.
    package let kind: Kind

    /// Which file it is.
    package let identity: Identity

    /// The user id of the owner.
    package let ownerID: UInt32

    /// The id of the group.
    package let groupID: UInt32

    /// The lowest twelve bits of the mode: permissions, sticky bit, set-user and set-group.
    package let permissions: UInt32

    /// Nil if nothing stands there.
    package init?(_ path: String, followsLinks: Bool = false) throws(SystemError) {
        var status = stat()
        let result = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
        guard result == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw SystemError(code: errno, operation: "stat \(path)")
        }
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFREG: .file
            default: .other
            }
        identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        ownerID = status.st_uid
        groupID = status.st_gid
        permissions = status.st_mode & 0o7777
    }

    /// Whether anybody may put files there and take away those of others.
    package var letsAnybodyReplaceEntries: Bool {
        permissions & 0o002 != 0 && permissions & 0o1000 == 0
    }

    /// Whether `user`, with its own group only, may pass through this directory.
    package func isPassable(for user: OSUser) -> Bool {
        if user.id == 0 { return true }
        if ownerID == user.id { return permissions & 0o100 != 0 }
        if groupID == user.groupID { return permissions & 0o010 != 0 }
        return permissions & 0o001 != 0
    }
}

// MARK: - Changing

extension FileStatus {
    /// Where a symbolic link points, as written in it.
    package static func destination(ofLink path: String) throws(SystemError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let capacity = buffer.count
        let count = unsafe readlink(path, &buffer, capacity)
        guard count >= 0 else { throw SystemError(code: errno, operation: "read link \(path)") }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes a directory; false if something stands there already.
    package static func makeDirectory(_ path: String, permissions: UInt32) throws(SystemError) -> Bool {
        if unsafe mkdir(path, permissions) == 0 { return true }
        if errno == EEXIST { return false }
        throw SystemError(code: errno, operation: "make directory \(path)")
    }

    /// Renames a file or directory, replacing a file of the new name.
    package static func rename(_ path: String, to newPath: String) throws(SystemError) {
        guard unsafe Glibc.rename(path, newPath) == 0 else {
            throw SystemError(code: errno, operation: "rename \(path) to \(newPath)")
        }
    }

    /// Removes a file or an empty directory; false if nothing stands there.
    @discardableResult
    package static func remove(_ path: String) throws(SystemError) -> Bool {
        if unsafe Glibc.remove(path) == 0 { return true }
        if errno == ENOENT { return false }
        throw SystemError(code: errno, operation: "remove \(path)")
    }
}
