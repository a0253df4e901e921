import Foundation

/// A directory of one test in `/tmp`, 0755, removed with this value.
package final class TemporaryDirectory: Sendable {
    /// Absolute and free of symbolic links.
    package let path: String
    private let isRemoved: Bool

    /// Makes the directory.
    ///
    /// - Parameter isRemoved: False where somebody else removes it, who needs what stands in it to the last.
    package init(isRemoved: Bool = true) throws {
        self.isRemoved = isRemoved
        path = "/tmp/shareledger-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755],
        )
    }

    deinit {
        guard isRemoved else { return }
        // What is left behind by a test that failed is of no consequence to the next one.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of an entry.
    package func path(of entry: String) -> String {
        "\(path)/\(entry)"
    }
}
