/// A role that the bootstrap of a cluster makes and that a process may connect as.
package enum ClusterRole: String, Sendable, CaseIterable {
    /// The superuser of the bootstrap; nothing of the service runs as it.
    case administrator = "shareledger_admin"

    /// Owns the database; migrations run as it.
    case owner = "shareledger_owner"

    /// What `serve` and the commands connect as.
    case service = "shareledger_service"

    /// Reads the `audit` views.
    case auditor = "shareledger_auditor"
}

/// Where a running server listens.
package struct ClusterEndpoint: Sendable, Equatable {
    /// The directory of the Unix socket, absolute.
    package let socketDirectory: String

    /// Part of the socket's name.
    package let port: Int

    /// The place of a server that is known to listen there.
    package init(socketDirectory: String, port: Int) {
        self.socketDirectory = socketDirectory
        self.port = port
    }

    /// The database of the ledger.
    package static let databaseName = "shareledger"

    /// libpq's keywords and values for a connection as `role`; there is no password.
    package func parameters(as role: ClusterRole, database: String = databaseName) -> [String: String] {
        ["host": socketDirectory, "port": "\(port)", "dbname": database, "user": role.rawValue]
    }
}
