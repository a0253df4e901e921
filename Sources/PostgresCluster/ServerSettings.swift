import Linux

/// What ShareLedger sets in `postgresql.conf`, `pg_hba.conf` and `pg_ident.conf`; all else stays PostgreSQL's default.
package struct ServerSettings: Sendable {
    /// Who may connect through the socket.
    package enum Access: Sendable {
        /// The user who owns the data directory, as any ``ClusterRole``.
        case owner

        /// Whoever can reach the socket, as anybody: for tests, whose process may be root's.
        case anybody
    }

    /// Who may connect.
    package var access: Access

    /// False only where losing everything in a crash of the machine is no loss, as in tests.
    package var isDurable: Bool

    /// How many may be connected at once.
    package var maximumConnections: Int

    /// Megabytes of table and index pages that the server keeps in memory.
    package var bufferMegabyteCount: Int

    /// What the private cluster runs with.
    package static let service = ServerSettings(
        access: .owner,
        isDurable: true,
        maximumConnections: 50,
        bufferMegabyteCount: buffers(memoryByteCount: Memory.byteCount),
    )

    /// Settings; ``service`` has those of the private cluster.
    package init(access: Access, isDurable: Bool, maximumConnections: Int, bufferMegabyteCount: Int = 128) {
        self.access = access
        self.isDurable = isDurable
        self.maximumConnections = maximumConnections
        self.bufferMegabyteCount = bufferMegabyteCount
    }

    /// A quarter of the memory, as PostgreSQL's manual advises, in megabytes: from its default up to one gigabyte.
    package static func buffers(memoryByteCount: Int) -> Int {
        min(max(128, memoryByteCount / 4 / 1_048_576), 1024)
    }
}

// MARK: - Files

extension ServerSettings {
    /// `postgresql.conf`.
    ///
    /// Errors are logged terse and without their statements, since `DETAIL` quotes rows.
    func configuration(
        socketDirectory: String,
        ownSettings: String,
        includesOwnSettings: Bool,
        compression: String?,
    ) -> String {
        var lines = [
            "# Written by ShareLedger at every start. Settings of your own belong into a file that you make,",
            "# \(ownSettings), which is read after these.",
            "listen_addresses = ''",
            "unix_socket_directories = \(Self.quoted("\"\(socketDirectory)\""))",
            "unix_socket_permissions = 0700",
            "port = 5432",
            "max_connections = \(maximumConnections)",
            "shared_buffers = \(bufferMegabyteCount)MB",
            "wal_level = replica",
            "max_wal_size = 2GB",
            "jit = off",
            "timezone = 'UTC'",
            "log_timezone = 'UTC'",
            "logging_collector = off",
            "log_destination = 'stderr'",
            "log_line_prefix = '%m [%p] %q%u@%d '",
            "log_error_verbosity = terse",
            "log_min_error_statement = panic",
            "log_checkpoints = off",
            "log_autovacuum_min_duration = -1",
            "lc_messages = 'C'",
        ]
        if let compression {
            lines += ["default_toast_compression = \(compression)", "wal_compression = \(compression)"]
        }
        if !isDurable {
            lines += ["fsync = off", "full_page_writes = off", "autovacuum = off"]
        }
        if includesOwnSettings { lines.append("include_if_exists = \(Self.quoted(ownSettings))") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `pg_hba.conf`: nothing but the Unix socket.
    var hostBasedAccess: String {
        switch access {
        case .owner: "local all all peer map=shareledger\n"
        case .anybody: "local all all trust\n"
        }
    }

    /// `pg_ident.conf`: the roles that the owner of the data directory may be.
    static func identityMap(owner: OSUser) -> String {
        ClusterRole.allCases
            .map { "shareledger \"\(owner.name)\" \($0.rawValue)\n" }
            .joined()
    }

    /// What makes the roles and the database, one statement a line, as `postgres --single` wants it.
    static var bootstrap: String {
        let database = ClusterEndpoint.databaseName
        let owner = ClusterRole.owner.rawValue
        let others = "\(ClusterRole.service.rawValue), \(ClusterRole.auditor.rawValue)"
        return """
            CREATE ROLE \(owner) LOGIN
            CREATE ROLE \(ClusterRole.service.rawValue) LOGIN
            CREATE ROLE \(ClusterRole.auditor.rawValue) LOGIN
            CREATE ROLE shareledger_eraser NOLOGIN
            GRANT shareledger_eraser TO \(owner) WITH ADMIN OPTION
            \(revocations(except: "\(owner), \(ClusterRole.service.rawValue)"))
            CREATE DATABASE \(database) OWNER \(owner)
            REVOKE ALL ON DATABASE \(database) FROM PUBLIC
            GRANT CONNECT ON DATABASE \(database) TO \(others)
            REVOKE ALL ON DATABASE postgres FROM PUBLIC
            REVOKE ALL ON DATABASE template1 FROM PUBLIC

            """
    }

    /// Takes from everybody what PostgreSQL lets everybody do and an auditor must not: hold the ledger's lock, and write
    /// large objects, which would be in the way of a backup. All databases are copies of the one in which it runs.
    private static func revocations(except roles: String) -> String {
        """
        DO $$ DECLARE f record; BEGIN FOR f IN SELECT oid::regprocedure AS name, proname LIKE '%advisory%' AS locks \
        FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'pg\\_%advisory%' \
        OR proname LIKE 'lo\\_%' OR proname IN ('lowrite', 'loread')) LOOP \
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.name); \
        IF f.locks THEN EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO \(roles)', f.name); END IF; \
        END LOOP; END $$
        """
    }

    /// A string literal of `postgresql.conf`.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
    }
}
