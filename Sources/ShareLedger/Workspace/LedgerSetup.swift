import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Sharing

/// Brings the schema up to date, as the owner where that is possible, and says what to do where it is not.
struct SchemaSetup: Sendable {
    let workspace: Workspace
    let logger: Logger

    func run() async throws {
        let version = try await workspace.session { session in session.serverVersion }
        guard version.major >= ServerBinaries.oldestVersion else {
            throw CommandFailure(
                "PostgreSQL \(version) is too old; ShareLedger needs \(ServerBinaries.oldestVersion) or later",
                status: 78
            )
        }
        if await workspace.configuration(.owner) != nil {
            let report = try await workspace.session(as: .owner) { session in try Migrator.migrate(in: &session) }
            if !report.isEmpty {
                logger.notice(
                    "the schema was brought up to date",
                    metadata: [
                        "migrations": "\(report.migrations.count)", "objects": "\(report.objects.count)",
                    ]
                )
            }
            return
        }
        let pending = try await workspace.session { session in try Migrator.pending(in: &session) }
        guard pending.isEmpty else {
            throw CommandFailure(
                """
                the database's schema is not up to date (\(pending.count) files, first \(pending[0])); \
                run 'shareledger migrate' with SHARELEDGER_OWNER_URL set to a URL that connects as its owner
                """,
                status: 78,
            )
        }
    }
}

/// Opens the ledger's first epoch where there is none yet, and keeps the settings for the commands.
enum LedgerSetup {
    /// - Parameter keepsSettings: Whether an existing ledger goes on with the settings that the service last ran with.
    static func open(
        in workspace: Workspace,
        keys: KeyRing,
        settings: ServiceSettings,
        keepsSettings: Bool,
    ) async throws -> LedgerInitializer.Outcome {
        guard let origin = Origin(name: settings.originName, epoch: 1) else {
            throw CommandFailure("\(settings.originName.debugDescription) cannot name a ledger", status: 64)
        }
        let name = Workspace.operatorName
        let sharing = settings.sharing
        return try await workspace.session { session in
            let outcome = try LedgerInitializer.open(
                origin,
                settings: sharing,
                keys: keys,
                operator: name,
                at: .now(),
                in: &session
            )
            if case .exists = outcome, keepsSettings, try SavedSettings.load(in: &session) != nil { return outcome }
            try SavedSettings(sharing).save(in: &session)
            return outcome
        }
    }
}
