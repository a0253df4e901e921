import Foundation
package import Linux

/// The programs of one PostgreSQL installation.
package struct ServerBinaries: Sendable {
    /// The directory that holds `initdb`, `postgres` and `pg_isready`.
    let directory: String

    /// The major version.
    package let version: Int

    /// Older ones lack what the schema needs.
    package static let oldestVersion = 15

    private static let debianRoot = "/usr/lib/postgresql"

    /// The path of one of them.
    package func path(of program: String) -> String {
        "\(directory)/\(program)"
    }

    /// Finds the installation for an existing database, or the newest one.
    ///
    /// - Parameter wanted: the major version of the database; another one cannot open it.
    package static func find(
        version wanted: Int?,
        environment: [String: String],
        user: OSUser,
        patience: Patience,
    ) throws -> ServerBinaries {
        if let wanted, wanted < oldestVersion {
            throw ClusterError(
                .damaged,
                "The database was made by PostgreSQL \(wanted); \(oldestVersion) is the oldest that can be used.",
            )
        }
        let packaged = debianVersions().filter { wanted == nil || $0 == wanted }
        for version in packaged where version >= oldestVersion {
            let candidate = ServerBinaries(directory: "\(debianRoot)/\(version)/bin", version: version)
            if candidate.isComplete { return candidate }
        }
        let others = try others(environment: environment, user: user, patience: patience)
            .filter { wanted == nil || $0.version == wanted }
        if let newest = others.max(by: { $0.version < $1.version }), newest.version >= oldestVersion { return newest }
        if let wanted {
            throw ClusterError(
                .noPostgreSQL,
                "The database was made by PostgreSQL \(wanted), whose programs are not installed: "
                    + "apt install postgresql-\(wanted)",
            )
        }
        throw ClusterError(
            .noPostgreSQL,
            "No PostgreSQL \(oldestVersion) or later is installed: apt install postgresql (or name a database).",
        )
    }

    private var isComplete: Bool {
        ["initdb", "postgres", "pg_isready"].allSatisfy { FileManager.default.isExecutableFile(atPath: path(of: $0)) }
    }

    /// Newest first.
    private static func debianVersions() -> [Int] {
        // A directory that is not there holds no versions.
        ((try? FileManager.default.contentsOfDirectory(atPath: debianRoot)) ?? []).compactMap { Int($0) }.sorted(by: >)
    }

    /// What `pg_config` names and what lies on the `PATH`.
    private static func others(
        environment: [String: String],
        user: OSUser,
        patience: Patience,
    ) throws -> [ServerBinaries] {
        let path = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").map(String.init)
        var directories: [String] = []
        for directory in path where directory.hasPrefix("/") {
            let tool = "\(directory)/pg_config"
            if FileManager.default.isExecutableFile(atPath: tool) {
                let result = try Command(tool, ["--bindir"], environment: ["PATH": "/usr/bin:/bin"], user: user)
                    .run(patience: patience)
                if result.isSuccess {
                    directories.append(result.output.trimmingCharacters(in: .whitespacesAndNewlines))
                }
            }
        }
        directories += path.filter { $0.hasPrefix("/") }
        return try directories.compactMap { directory in
            let candidate = ServerBinaries(directory: directory, version: 0)
            guard candidate.isComplete else { return nil }
            let result = try Command(candidate.path(of: "postgres"), ["--version"], user: user).run(patience: patience)
            return majorVersion(in: result.output).map { ServerBinaries(directory: directory, version: $0) }
        }
    }

    /// 15 in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    package static func majorVersion(in text: String) -> Int? {
        guard let range = text.range(of: "(PostgreSQL) ") else { return nil }
        return Int(text[range.upperBound...].prefix { $0.isASCII && $0.isNumber })
    }
}
