import Foundation
import Linux

/// Where the server's Unix socket is made: in the data directory, or outside if that path is too long for one.
struct SocketDirectory {
    let path: String

    /// It stands outside the data directory and is removed when the server has stopped.
    let isOutside: Bool

    /// The longest path of a Unix socket in bytes: `sun_path` less its final NUL.
    static let longestSocketPath = 107

    private static let socketName = ".s.PGSQL.5432"

    /// Finds or makes a directory that only the owner can enter.
    static func choose(for directory: DataDirectory, environment: [String: String]) throws -> SocketDirectory {
        let inside = directory.path(of: "socket")
        if fits(inside) {
            _ = try directory.makeOwned(inside)
            try check(inside, owner: directory.owner)
            return SocketDirectory(path: inside, isOutside: false)
        }
        for parent in parents(owner: directory.owner, environment: environment) {
            // Somebody may sit on the name; with so many of them that costs us nothing.
            for attempt in 0..<16 {
                let path = "\(parent)/shareledger-\(directory.owner.id)-\(hash(directory.path))-\(attempt)"
                guard fits(path) else { break }
                _ = try directory.makeOwned(path)
                if let status = try FileStatus(path), isPrivate(status, to: directory.owner) {
                    return SocketDirectory(path: path, isOutside: true)
                }
            }
        }
        throw ClusterError(
            .directoryRefused,
            "\(directory.path) is too long a path for a Unix socket, and no directory for one could be made in /tmp.",
        )
    }

    /// Removes the file by which PostgreSQL locks the socket; for when no server runs on the database, whose own it is.
    ///
    /// PostgreSQL would take it for a living server's where any process has its number, also one that is dead and that its
    /// parent, another of ours perhaps, has not reaped.
    func removeLock() throws(SystemError) {
        try FileStatus.remove("\(path)/\(Self.socketName).lock")
    }

    /// The commas and quotes that a path may hold mean something else to libpq and to `postgresql.conf`.
    private static func fits(_ path: String) -> Bool {
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "/._-+ ".utf8.contains(byte)
            }
        }
        return isPlain && path.utf8.count + 1 + socketName.utf8.count <= longestSocketPath
    }

    private static func parents(owner: OSUser, environment: [String: String]) -> [String] {
        guard let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/"), fits(runtime),
            // Not there, or not to be looked at: then it is not for this user.
            let status = try? FileStatus(runtime), isPrivate(status, to: owner)
        else { return ["/tmp"] }
        return [runtime, "/tmp"]
    }

    private static func check(_ path: String, owner: OSUser) throws {
        guard let status = try FileStatus(path), isPrivate(status, to: owner) else {
            throw ClusterError(
                .directoryRefused,
                "\(path) must be a directory of user \(owner.name) that nobody else may enter (mode 0700).",
            )
        }
    }

    private static func isPrivate(_ status: FileStatus, to owner: OSUser) -> Bool {
        status.kind == .directory && status.ownerID == owner.id && status.permissions & 0o077 == 0
    }

    /// FNV-1a: the same name for the same path, in every process and version.
    private static func hash(_ path: String) -> String {
        let value = path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        return String(value, radix: 16)
    }
}
