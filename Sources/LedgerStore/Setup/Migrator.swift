import Cryptography
package import Postgres

/// Brings the schema of a database to the one that is compiled in.
///
/// Migrations run once, in order, each in a transaction with the note that it ran; functions, views, roles and privileges
/// are applied again whenever one of their files has changed.
package enum Migrator {
    /// What was done.
    package struct Report: Sendable, Equatable {
        /// Paths of migrations that ran now.
        package var migrations: [String] = []

        /// Paths of objects that were applied again.
        package var objects: [String] = []

        package var isEmpty: Bool { migrations.isEmpty && objects.isEmpty }
    }

    /// Why the schema cannot be brought up to date.
    package enum Fault: Error, Sendable, CustomStringConvertible {
        case changed(String)
        case missing(String)
        case failed(String, PostgresError)
        case encoding(String)

        package var description: String {
            switch self {
            case .changed(let path):
                "schema/\(path) is not the file that was applied to this database; restore it, and put changes into a new migration"
            case .missing(let path):
                "this database has had schema/\(path) applied, which this program does not have; use a newer shareledger"
            case .failed(let path, let error):
                "schema/\(path) could not be applied: \(error)"
            case .encoding(let name):
                "the database is encoded in \(name); make one with ENCODING 'UTF8' TEMPLATE template0"
            }
        }
    }

    /// How long one file may take, and how long another process that migrates is waited for.
    private static let longest = Duration.seconds(600)

    /// Another process that migrates at the same time waits here.
    private static let lockKey: Int64 = 0x7368_6172_656d_6967

    /// Applies what is missing or has changed.
    package static func migrate(in session: inout PostgresSession, files: [SchemaFile] = SchemaFile.all) throws
        -> Report
    {
        _ = try session.query("SELECT pg_advisory_lock(\(lockKey))", within: longest)
        defer {
            // A session that is lost has lost its locks as well.
            _ = try? session.query("SELECT pg_advisory_unlock(\(lockKey))")
        }
        try bootstrap(in: &session)
        var report = Report()
        report.migrations = try applyMigrations(files.filter { $0.kind == "migrations" }, in: &session)
        report.objects = try applyObjects(files, in: &session)
        return report
    }

    /// What would be done; changes nothing and needs no owner.
    package static func pending(in session: inout PostgresSession, files: [SchemaFile] = SchemaFile.all) throws
        -> [String]
    {
        guard try hasTable(in: &session) else { return files.map(\.path) }
        let applied = try applied(in: &session)
        try check(applied, against: files.filter { $0.kind == "migrations" })
        return files.filter { applied[$0.path] != $0.checksum }.map(\.path)
    }

    // MARK: Steps

    private static func bootstrap(in session: inout PostgresSession) throws {
        guard try !hasTable(in: &session) else { return }
        // Bodies are UTF-8 with any character, and the audit views must be able to cast them.
        let encoding = try session.query("SELECT current_setting('server_encoding')").onlyRow()[0, as: String.self]
        guard encoding == "UTF8" else { throw Fault.encoding(encoding) }
        try session.run(
            script: """
                BEGIN;
                CREATE SCHEMA IF NOT EXISTS ledger;
                CREATE TABLE ledger.migration (
                    path text COLLATE "C" PRIMARY KEY,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                );
                COMMENT ON TABLE ledger.migration IS 'Files of schema/ that were applied, with the SHA-256 of their text';
                COMMIT;
                """
        )
    }

    private static func hasTable(in session: inout PostgresSession) throws(PostgresError) -> Bool {
        try session.query("SELECT to_regclass('ledger.migration') IS NOT NULL").onlyRow()[0, as: Bool.self]
    }

    private static func applied(in session: inout PostgresSession) throws(PostgresError) -> [String: String] {
        let rows = try session.query("SELECT path, checksum FROM ledger.migration").decode((String, String).self)
        return Dictionary(rows.map { ($0.0, $0.1) }, uniquingKeysWith: { $1 })
    }

    private static func check(_ applied: [String: String], against migrations: [SchemaFile]) throws(Fault) {
        let known = Dictionary(migrations.map { ($0.path, $0.checksum) }, uniquingKeysWith: { $1 })
        for (path, checksum) in applied.sorted(by: { $0.key < $1.key }) where path.hasPrefix("migrations/") {
            guard let current = known[path] else { throw .missing(path) }
            guard current == checksum else { throw .changed(path) }
        }
    }

    private static func applyMigrations(
        _ migrations: [SchemaFile],
        in session: inout PostgresSession,
    ) throws -> [String] {
        let applied = try applied(in: &session)
        try check(applied, against: migrations)
        var paths: [String] = []
        for file in migrations.sorted(by: { $0.path < $1.path }) where applied[file.path] == nil {
            try apply([file], in: &session)
            paths.append(file.path)
        }
        return paths
    }

    /// Functions, views and privileges in this order, since each may name what is before it.
    private static func applyObjects(_ files: [SchemaFile], in session: inout PostgresSession) throws -> [String] {
        let applied = try applied(in: &session)
        let objects = ["roles", "functions", "views", "privileges"].flatMap { kind in
            files.filter { $0.kind == kind }.sorted { $0.path < $1.path }
        }
        guard objects.contains(where: { applied[$0.path] != $0.checksum }) else { return [] }
        // A view that is made anew has lost its privileges, so one change has all of them applied, and seen at once.
        try apply(objects, in: &session)
        return objects.filter { applied[$0.path] != $0.checksum }.map(\.path)
    }

    /// Applies files in one transaction, with the notes that they were.
    private static func apply(_ files: [SchemaFile], in session: inout PostgresSession) throws {
        var current = ""
        do throws(PostgresError) {
            _ = try session.execute("BEGIN")
            for file in files {
                current = file.path
                try session.run(script: file.text, within: longest)
                _ = try session.execute(
                    """
                    INSERT INTO ledger.migration (path, checksum) VALUES (\(file.path), \(file.checksum))
                    ON CONFLICT (path) DO UPDATE SET checksum = excluded.checksum, applied_at = now()
                    """
                )
            }
            _ = try session.execute("COMMIT")
        } catch {
            // The error that is thrown says what failed; a roll-back that fails too adds nothing.
            _ = try? session.execute("ROLLBACK")
            throw Fault.failed(current, error)
        }
    }
}

extension SchemaFile {
    /// SHA-256 of the text, in hex.
    var checksum: String {
        "\(SHA256.hash(Array(text.utf8)))"
    }
}
