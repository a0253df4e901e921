import Arguments
import Foundation
import Ledger
import LedgerStore
import Linux
import Logging
import Postgres
import PostgresCluster
import Sharing
import TicketSharing

/// Where a command works: the data directory, the database, the key; opened with the rights it needs and no more.
final class Workspace: Sendable {
    let directory: DataDirectory
    let keyFile: String
    let logger: Logger
    private let environment: [String: String]
    private let cluster: PrivateCluster?

    /// How a connection is made, by role.
    enum Role: Sendable {
        case owner
        case service
        case auditor
    }

    private init(
        directory: DataDirectory,
        keyFile: String,
        cluster: PrivateCluster?,
        logger: Logger,
        environment: [String: String],
    ) {
        self.directory = directory
        self.keyFile = keyFile
        self.cluster = cluster
        self.logger = logger
        self.environment = environment
    }

    /// Finds or makes the data directory; the first step, while root's rights are still there.
    ///
    /// - Parameter mayCreate: False for commands that only look: they do not make a ledger by a slip of `--data`.
    static func directory(_ arguments: ParsedArguments, mayCreate: Bool) throws -> DataDirectory {
        let path = arguments[Options.data] ?? ".shareledger"
        let isPrivate = !hasServer(ProcessInfo.processInfo.environment)
        if !mayCreate, !DataDirectory.exists(at: path, withDatabase: isPrivate) {
            let what = isPrivate ? "there is no ledger in \(path)" : "\(path) is no data directory of a ledger"
            let advice = "'shareledger serve' or 'shareledger init' makes one, and --data names another place"
            throw CommandFailure("\(what); \(advice)", status: 66)
        }
        return try DataDirectory.prepare(at: path)
    }

    /// Gives root's rights up and opens the database.
    static func open(
        _ directory: DataDirectory,
        _ arguments: ParsedArguments,
        logger: Logger = Logger(label: "shareledger", logLevel: .warning),
    ) async throws -> Workspace {
        _ = operatorName
        try Privileges.drop(to: directory.owner)
        let environment = ProcessInfo.processInfo.environment
        let cluster = hasServer(environment) ? nil : try await PrivateCluster.open(directory, logger: logger)
        return Workspace(
            directory: directory,
            keyFile: arguments[Options.keyFile] ?? directory.path(of: "key"),
            cluster: cluster,
            logger: logger,
            environment: environment,
        )
    }

    /// Opens the workspace for the length of `body`.
    ///
    /// - Parameter directory: Where it was found already.
    static func with<Result>(
        _ arguments: ParsedArguments,
        in directory: DataDirectory? = nil,
        mayCreate: Bool = false,
        _ body: (Workspace) async throws -> Result,
    ) async throws -> Result {
        let directory = try directory ?? Self.directory(arguments, mayCreate: mayCreate)
        Interruption.ofCommand.arm()
        let workspace = try await open(directory, arguments)
        do {
            let result = try await body(workspace)
            try await workspace.close()
            return result
        } catch {
            // The error of the work matters more than one of closing.
            try? await workspace.close()
            throw error
        }
    }

    /// Leaves the private cluster; its last user stops it.
    func close() async throws {
        try await cluster?.close()
    }

    var isPrivate: Bool { cluster != nil }

    /// Starts a private server that has died.
    func recover() async {
        do {
            try await cluster?.ensureRunning()
        } catch is CancellationError {
            // Whoever asked no longer wants it.
        } catch {
            logger.error("the private PostgreSQL does not start", metadata: ["error": "\(error)"])
        }
    }

    /// Keeps the private server running and its log bounded until cancelled.
    func maintain() async throws {
        try await cluster?.maintain()
    }
}

// MARK: - Connections

extension Workspace {
    private static func hasServer(_ environment: [String: String]) -> Bool {
        ["DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGSERVICE"].contains { environment[$0]?.isEmpty == false }
    }

    /// How to connect as a role; `nil` for the owner of somebody else's server where no way is given.
    func configuration(_ role: Role) async -> PostgresConfiguration? {
        if let cluster {
            let roles: [Role: ClusterRole] = [.owner: .owner, .service: .service, .auditor: .auditor]
            guard let role = roles[role] else { return nil }
            return PostgresConfiguration(server: .keywords(await cluster.endpoint.parameters(as: role)))
        }
        switch role {
        case .service:
            let url = environment["DATABASE_URL"].flatMap { $0.isEmpty ? nil : $0 }
            return PostgresConfiguration(server: url.map { .url($0) } ?? .environment)
        case .owner:
            return environment["SHARELEDGER_OWNER_URL"].map { PostgresConfiguration(server: .url($0)) }
        case .auditor:
            return environment["SHARELEDGER_AUDITOR_URL"].map { PostgresConfiguration(server: .url($0)) }
        }
    }

    /// Runs `body` on a session of its own.
    ///
    /// - Parameter configured: What is set otherwise for it.
    func session<Result: Sendable>(
        as role: Role = .service,
        configured: (PostgresConfiguration) -> PostgresConfiguration = { $0 },
        _ body: sending (inout PostgresSession) throws -> Result,
    ) async throws -> Result {
        guard let configuration = await configuration(role) else {
            throw CommandFailure(
                "this needs the database's owner: set SHARELEDGER_OWNER_URL to a URL that connects as shareledger_owner",
                status: 78,
            )
        }
        let connection = try await PostgresConnection.open(configured(configuration))
        do {
            let result = try await connection.withSession(body)
            await connection.close()
            return result
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Runs `body` with the store as commands use it: with the settings that the service last ran with.
    func store<Result>(_ body: (Store) async throws -> Result) async throws -> Result {
        let saved = try await session { session in try SavedSettings.load(in: &session) }
        guard let saved else {
            throw CommandFailure(
                "there is no ledger yet; 'shareledger init' or 'shareledger serve' makes one",
                status: 66
            )
        }
        guard let configuration = await configuration(.service) else {
            preconditionFailure("there is always a service role")
        }
        let store = Store(
            configuration: configuration,
            settings: try saved.sharingSettings(),
            keys: try await keys(mayCreate: false),
            logger: logger,
            poolSize: 2,
        )
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// Who gives the command: the OS user, or whoever became root through sudo; asked for before root's rights are given up.
    static let operatorName: String = {
        let id = OSUser.currentID
        if id == 0, let name = ProcessInfo.processInfo.environment["SUDO_USER"], !name.isEmpty { return name }
        // A user without a name in the system's tables is still somebody.
        return (try? OSUser.with(id: id)?.name) ?? "uid \(id)"
    }()

    /// The reason that was given for something that goes on record, with whoever gives it.
    static func warrant(_ arguments: ParsedArguments) throws -> Warrant {
        guard let text = arguments[Options.reason] else {
            throw UsageError("--reason TEXT is missing: it says why, for the record")
        }
        return try warrant(text)
    }

    /// The same where a reason may be left out.
    static func reason(_ arguments: ParsedArguments) throws -> String? {
        try arguments[Options.reason].map { try warrant($0).reason }
    }

    private static func warrant(_ text: String) throws -> Warrant {
        guard let warrant = Warrant(reason: text, operator: operatorName) else {
            throw UsageError("--reason takes 1 to \(Warrant.reasonByteLimit) bytes that say something")
        }
        return warrant
    }
}
