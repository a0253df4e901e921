import Cryptography
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing

/// What looks at the database are told beside the session.
struct CheckContext: Sendable {
    let keyFile: String
    let isPrivate: Bool

    /// How far ahead a delivery can be due.
    let longestWait: Duration
}

/// One look at the database, with the rights of the service.
struct DatabaseCheck: Sendable {
    let subject: String

    /// Whether nothing further can be looked at where this has failed.
    let isFundamental: Bool

    let look: @Sendable (CheckContext, inout PostgresSession) throws -> [Finding]

    init(
        _ subject: String,
        isFundamental: Bool = false,
        _ look: @escaping @Sendable (CheckContext, inout PostgresSession) throws -> [Finding],
    ) {
        self.subject = subject
        self.isFundamental = isFundamental
        self.look = look
    }
}

/// Looks at PostgreSQL itself, the schema, and whether the key file is the ledger's.
enum DatabaseChecks {
    static let all = [server, durability, clock, role, locks, schema, guards, key]

    private static let server = DatabaseCheck("database", isFundamental: true) { context, session in
        let version = session.serverVersion
        guard version.major >= ServerBinaries.oldestVersion else {
            let advice = "ShareLedger needs PostgreSQL \(ServerBinaries.oldestVersion) or later"
            return [.fail("database", "PostgreSQL \(version) is too old", advice: advice)]
        }
        let row = try session.query("SELECT current_database()::text, pg_is_in_recovery()").onlyRow()
        let place = context.isPrivate ? "private, in the data directory" : "database \(try row[0, as: String.self])"
        guard try !row[1, as: Bool.self] else {
            return [.fail("database", "\(place) is a replica, which takes nothing", advice: "connect to the primary")]
        }
        return [.ok("database", "PostgreSQL \(version), \(place)")]
    }

    private static let durability = DatabaseCheck("durability") { _, session in
        let rows = try session.query(
            """
            SELECT name, setting
            FROM pg_settings
            WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')
            ORDER BY name
            """
        )
        .decode((String, String).self)
        let off = rows.filter { $0.1 == "off" }.map(\.0)
        let lossy = off.filter { $0 != "data_checksums" }
        guard lossy.isEmpty else {
            let message =
                "\(lossy.joined(separator: ", ")) off: what is answered with 2xx may be lost, so nothing is taken"
            return [.fail("durability", message, advice: "switch it on again in PostgreSQL's settings")]
        }
        guard off.isEmpty else {
            let advice = "stop PostgreSQL and run pg_checksums --enable"
            return [.warn("durability", "no data checksums: damage on the disk goes unseen", advice: advice)]
        }
        return [.ok("durability", rows.map { "\($0.0) \($0.1)" }.joined(separator: ", "))]
    }

    private static let clock = DatabaseCheck("clock") { _, session in
        let database = try session.query("SELECT clock_timestamp()").onlyRow()[0, as: Timestamp.self]
        let seconds = abs(database.microseconds - Timestamp.now().microseconds) / 1_000_000
        guard seconds < 5 else {
            let message = "the database's clock and ours are \(seconds) s apart"
            return [.warn("clock", message, advice: "have both machines keep time with NTP")]
        }
        return [.ok("clock", "\(database)")]
    }

    private static let role = DatabaseCheck("role") { _, session in
        let row = try session.query(
            """
            SELECT r.rolname::text, r.rolsuper, EXISTS (
                SELECT
                FROM pg_roles AS o
                WHERE o.rolname = 'shareledger_owner'
                    AND pg_has_role(r.oid, o.oid, 'MEMBER')
            )
            FROM pg_roles AS r
            WHERE r.rolname = current_user
            """
        ).onlyRow()
        let (name, isSuperuser, isOwner) = try row.decode((String, Bool, Bool).self)
        guard !isSuperuser, !isOwner else {
            let message = "the service connects as \(name), who could take the ledger's guards away"
            return [.warn("role", message, advice: "have it connect as shareledger_service (schema/roles)")]
        }
        return [.ok("role", name)]
    }

    /// Whoever holds the ledger's advisory lock keeps everybody else from writing.
    private static let locks = DatabaseCheck("locks") { _, session in
        let roles = try session.query(
            """
            SELECT r.rolname::text
            FROM pg_roles AS r
            WHERE r.rolcanlogin
                AND NOT r.rolsuper
                AND has_database_privilege(r.oid, current_database(), 'CONNECT')
                AND has_function_privilege(r.oid, 'pg_advisory_lock(bigint)', 'EXECUTE')
                AND NOT EXISTS (
                    SELECT
                    FROM pg_roles AS ours
                    WHERE ours.rolname IN (current_user, 'shareledger_service', 'shareledger_owner')
                        AND pg_has_role(r.oid, ours.oid, 'MEMBER')
                )
            ORDER BY 1
            """
        )
        .decode((String).self)
        guard roles.isEmpty else {
            let message = "the ledger's lock could be held by \(roles.joined(separator: ", "))"
            let advice = "have a superuser run schema/roles/roles.sql in this database"
            return [.warn("locks", message, advice: advice)]
        }
        return [.ok("locks", "only the service and the owner can take the ledger's")]
    }

    private static let schema = DatabaseCheck("schema", isFundamental: true) { _, session in
        let pending = try Migrator.pending(in: &session)
        guard let first = pending.first else { return [.ok("schema", "up to date")] }
        let message = "\(pending.count) files of schema/ are not applied, first \(first)"
        return [.fail("schema", message, advice: "'shareledger migrate' applies them")]
    }

    private static let guards = DatabaseCheck("guards") { _, session in
        let missing = try session.query(
            """
            SELECT c.relname::text || ' ' || wanted.name
            FROM pg_class AS c
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
            CROSS JOIN (VALUES ('refuse_change'), ('refuse_truncate')) AS wanted (name)
            LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgname = wanted.name
            WHERE n.nspname = 'ledger'
                AND c.relkind IN ('r', 'p')
                AND (c.relname IN ('epoch', 'stream', 'share', 'event', 'payload', 'access_key') OR c.relispartition)
                AND (t.oid IS NULL OR t.tgenabled <> 'A')
            ORDER BY 1
            """
        )
        .decode((String).self)
        guard missing.isEmpty else {
            let message = "rows could be changed or deleted: \(missing.joined(separator: ", ")) missing or switched off"
            return [
                .fail("guards", message, advice: "find out who did this; then have the owner put them back (schema/)")
            ]
        }
        return [.ok("guards", "every table of the ledger refuses changes")]
    }

    private static let key = DatabaseCheck("key file") { context, session in
        let keys = try KeyFile.load(context.keyFile, mayCreate: false)
        switch try SealedKeys.read(in: &session).fit(keys) {
        case .nothing: return [.ok("key file", "\(context.keyFile), opens nothing yet")]
        case .all: return [.ok("key file", "\(context.keyFile), opens the newest access keys")]
        case .older:
            let message = "\(context.keyFile) opens the first access keys in the ledger, but not all of the newest"
            let advice = "another key file was in its place when they came: have those agreements invited again"
            return [.fail("key file", message, advice: advice)]
        case .none:
            let message = "\(context.keyFile) does not open the access keys in the ledger"
            return [.fail("key file", message, advice: "restore the key file that belongs to this ledger")]
        }
    }
}
