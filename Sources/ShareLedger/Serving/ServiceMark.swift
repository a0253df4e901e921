import Foundation
import Linux
import PostgresCluster

/// Says in a data directory that a service works there, for as long as this value is: gone with the process, whatever
/// ends it.
final class ServiceMark: Sendable {
    /// Whoever works in the directory already, as it has described itself.
    let other: String?

    private let lock: FileLock

    static let fileName = "service.lock"

    /// - Parameter listeners: Where the service is reached, for whoever finds it in the way.
    init(in directory: DataDirectory, listeners: [ListenAddress]) throws {
        let path = directory.path(of: Self.fileName)
        lock = try FileLock(path: path, owner: directory.owner)
        guard try lock.tryLock(.exclusive) else {
            // One that has just begun has not said anything yet.
            let said = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            let line = said.split(separator: "\n").first.map(String.init)
            other = line ?? "another 'shareledger serve'"
            return
        }
        other = nil
        let places = listeners.map(\.text).joined(separator: " and ")
        let line = "process \(getpid()), 'shareledger serve' on \(places)\n"
        guard let file = FileHandle(forUpdatingAtPath: path) else { return }
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(line.utf8))
        try file.close()
    }
}
