import Foundation

/// What `/proc` tells about one process.
package struct ProcessTable: Sendable {
    /// One line of the table.
    package struct Entry: Sendable {
        /// Its number, which another process may have a moment later.
        package let id: Int32

        /// The first 15 bytes of the program's name.
        package let name: String

        /// Ended, but not yet reaped by its parent.
        package let isZombie: Bool

        /// Nil if this process may not know.
        package let workingDirectory: FileStatus.Identity?

        /// Its effective user.
        package let ownerID: UInt32
    }

    private static let root = "/proc"

    /// The process of that number; nil if there is none.
    package static func entry(_ id: Int32) throws(SystemError) -> Entry? {
        guard let directory = try FileStatus("\(root)/\(id)") else {
            // Without /proc everything would look dead, and a live server's files would be taken for leftovers.
            guard try FileStatus("\(root)/self") != nil else {
                throw SystemError(code: ENOENT, operation: "look at processes in \(root)")
            }
            return nil
        }
        let stat: String
        do {
            stat = try FileDescriptor("\(root)/\(id)/stat", for: .reading).text()
        } catch let error where error.code == ENOENT || error.code == ESRCH {
            return nil
        }
        // `pid (name) state …`; the name may itself hold parentheses.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let state = stat[close...].dropFirst().first { $0 != " " }
        return Entry(
            id: id,
            name: String(stat[stat.index(after: open)..<close]),
            isZombie: state == "Z" || state == "X",
            workingDirectory: workingDirectory(of: id),
            ownerID: directory.ownerID,
        )
    }

    /// Every process that has one of `names` and works in `directory`.
    package static func entries(
        named names: Set<String>,
        in directory: FileStatus.Identity,
    ) throws -> [Entry] {
        try FileManager.default.contentsOfDirectory(atPath: root)
            .compactMap { Int32($0) }
            .compactMap { id in try entry(id) }
            .filter { !$0.isZombie && names.contains($0.name) && $0.workingDirectory == directory }
    }

    private static func workingDirectory(of id: Int32) -> FileStatus.Identity? {
        // Refused for processes of others, and gone with the process: both mean that nothing can be known.
        (try? FileStatus("\(root)/\(id)/cwd", followsLinks: true))?.identity
    }
}
