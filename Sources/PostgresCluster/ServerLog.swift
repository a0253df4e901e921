package import Linux

/// `postgresql.log`: what the server says, bounded.
package struct ServerLog: Sendable {
    /// The path of the file.
    package let path: String
    let owner: OSUser

    /// Past this many bytes the log is cut; its last part goes to `postgresql.log.1`.
    static let largestSize = 8 << 20
    private static let keptSize = 1 << 20

    /// Opens it for a server to append to.
    package func open() throws -> FileDescriptor {
        let file = try FileDescriptor(path, for: .appending)
        try file.setOwner(owner, permissions: 0o600)
        return file
    }

    /// Cuts it if it has grown too large; a running server goes on appending, at its new end.
    package func trim(into directory: DataDirectory) throws {
        guard try FileStatus(path) != nil else { return }
        let file = try open()
        guard try file.size > Self.largestSize else { return }
        let end = try FileDescriptor(path, for: .reading).text(atMost: Self.keptSize)
        try directory.replace(path + ".1", with: end)
        try file.truncate()
    }

    /// What was said since the log was `offset` bytes long, at most 16 KiB.
    package func text(since offset: Int) throws -> String {
        try FileDescriptor(path, for: .reading).text(from: offset, atMost: 16_384)
    }
}
