import Cryptography
import Delivery
import Foundation
import Gateway
import HTTPClient
import HTTPServer
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Projections
import Replay
import Sharing
import TicketSharing

/// The running service: listeners, ledger, and what works behind them.
struct Service: Sendable {
    let settings: ServiceSettings

    /// Whether it works beside another one, whose settings stay those of the commands.
    let isSecond: Bool
    let workspace: Workspace
    let logger: Logger

    /// Serves until a signal comes, then answers what was taken and ends; one that comes earlier cancels the start.
    func run(publicSocket: consuming ListeningSocket, privateSocket: consuming ListeningSocket) async throws {
        let keys = try await prepareLedger()
        let work = try await work(keys, listeners: Self.endpoints(publicSocket, privateSocket))
        let servers = try servers(for: work, keys, try await identity())
        try Task.checkCancellation()
        let (stop, stopper) = AsyncStream.makeStream(of: Void.self)
        Interruption.ofCommand.handOver { stopper.yield() }
        try servers.public.start(on: publicSocket)
        try servers.private.start(on: privateSocket)
        logger.notice(
            "ready",
            metadata: [
                "public.listen": "\(settings.publicListen.text)",
                "private.listen": "\(settings.privateListen.text)",
                "public.url": "\(settings.sharing.publicURL.text)",
            ]
        )
        await serve(work, servers, until: stop)
        await work.housekeeping.recordCounts()
        await work.store.close()
    }

    /// What works behind the listeners.
    private struct Work: Sendable {
        let store: Store
        let follower: Follower
        let deliveries: DeliveryEngine
        let durability: DurabilityGuard
        let budgets: Budgets
        let knownKeys: KnownKeys
        let housekeeping: Housekeeping
        let metrics: ServiceMetrics
    }

    private struct Servers: Sendable {
        let `public`: HTTPServer
        let `private`: HTTPServer
    }

    private func serve(_ work: Work, _ servers: Servers, until stop: AsyncStream<Void>) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await work.deliveries.run() }
            group.addTask { await work.follower.run() }
            group.addTask { await work.durability.run() }
            group.addTask { await work.housekeeping.run() }
            group.addTask { try? await workspace.maintain() }  // Ends by cancellation only.
            for await _ in stop { break }
            logger.notice("stopping")
            await servers.public.stop(deadline: .seconds(30))
            await servers.private.stop(deadline: .seconds(10))
            await work.deliveries.stop(deadline: .seconds(10))
            group.cancelAll()
        }
    }

    // MARK: Steps

    private func work(_ keys: KeyRing, listeners: Set<Endpoint>) async throws -> Work {
        guard let configuration = await workspace.configuration(.service) else {
            preconditionFailure("there is always a service role")
        }
        let workspace = workspace
        let store = Store(
            configuration: configuration,
            settings: settings.sharing,
            keys: keys,
            logger: logger,
            recover: { await workspace.recover() },
        )
        let durability = DurabilityGuard(store: store, logger: logger.labeled("durability"))
        await durability.check()
        let budgets = try await Budgets.load(settings, from: store)
        let deliveries = try deliveryEngine(store, listeners)
        let knownKeys = KnownKeys(try await store.read { session in try AgreementReader.keyFingerprints(in: &session) })
        return Work(
            store: store,
            follower: Follower(
                configuration: configuration,
                commits: store.commits,
                logger: logger.labeled("follower"),
            ),
            deliveries: deliveries,
            durability: durability,
            budgets: budgets,
            knownKeys: knownKeys,
            housekeeping: Housekeeping(
                store: store,
                budgets: budgets,
                knownKeys: knownKeys,
                logger: logger.labeled("housekeeping"),
            ),
            metrics: ServiceMetrics(store: store, deliveries: deliveries),
        )
    }

    private func identity() async throws -> LedgerIdentity {
        let identity = try await workspace.session { session in try LedgerIdentity.read(in: &session) }
        guard let identity else {
            throw CommandFailure(
                "the ledger's first event is gone; 'shareledger doctor --all' looks for more",
                status: 70
            )
        }
        return identity
    }

    private func servers(for work: Work, _ keys: KeyRing, _ ledger: LedgerIdentity) throws -> Servers {
        let messages = MessageService(
            store: work.store,
            reader: RequestReader(keys: keys, knownKeys: work.knownKeys),
            budget: work.budgets.refusals,
            strangers: work.budgets.strangers,
            logger: logger.labeled("messages"),
        )
        let durability = work.durability
        let metrics = work.metrics
        var publicConfiguration = httpConfiguration(tls: settings.tls)
        publicConfiguration.connectionLimitPerAddress = settings.connectionLimitPerAddress
        publicConfiguration.addressesWithoutLimit = Set(settings.trustedProxies)
        let servers = Servers(
            public: HTTPServer(
                configuration: publicConfiguration,
                logger: logger.labeled("public"),
                handler: metrics.publicAnswers.counting(
                    PublicRoutes(
                        service: messages,
                        publicURL: settings.sharing.publicURL,
                        sources: SourceAddress(trustedProxies: settings.trustedProxies),
                    ).answer
                ),
            ),
            private: HTTPServer(
                configuration: httpConfiguration(tls: nil),
                logger: logger.labeled("private"),
                handler: metrics.privateAnswers.counting(
                    PrivateRoutes(
                        service: messages,
                        hosts: ["localhost", "127.0.0.1", "[::1]", settings.privateListen.host]
                            + [settings.sharing.privateURL.host] + settings.privateHosts,
                        token: try bearerToken(),
                        ledger: ledger,
                        readiness: { await durability.readiness() },
                        metrics: { await metrics.text() },
                    ).answer
                ),
            ),
        )
        metrics.watch(servers.public, as: "public")
        metrics.watch(servers.private, as: "private")
        return servers
    }

    private static func endpoints(
        _ one: borrowing ListeningSocket,
        _ other: borrowing ListeningSocket,
    ) -> Set<Endpoint> {
        Set(
            [(one.host, one.port), (other.host, other.port)].compactMap { host, port in
                IPAddress(host).map { Endpoint(address: $0, port: port) }
            },
        )
    }

    private func prepareLedger() async throws -> KeyRing {
        try await SchemaSetup(workspace: workspace, logger: logger).run()
        let keys = try await workspace.keys(mayCreate: true)
        switch try await LedgerSetup.open(in: workspace, keys: keys, settings: settings, keepsSettings: isSecond) {
        case .opened(let origin):
            logger.notice("a new ledger was opened", metadata: ["origin": "\(origin)"])
        case .exists(let origin) where settings.isOriginGiven && origin.name != settings.originName:
            logger.warning(
                "the ledger keeps the origin that it was made with",
                metadata: ["origin": "\(origin)", "origin.asked": "\(settings.originName)"]
            )
        case .exists: break
        }
        return keys
    }

    /// What delivers, and never to ourselves.
    private func deliveryEngine(_ store: Store, _ listeners: Set<Endpoint>) throws -> DeliveryEngine {
        var delivery = DeliverySettings(version: Main.version)
        if let schedule = settings.retrySchedule { delivery.schedule = schedule }
        delivery.listeners = listeners
        let client = try HTTPClient(HTTPClient.Configuration(trust: try TrustStore(adding: settings.authorities)))
        return DeliveryEngine(
            store: store,
            client: client,
            settings: delivery,
            logger: logger.labeled("delivery"),
            stateMessages: { delivery in
                try await store.read { session in
                    try StateReplay.messages(
                        agreement: delivery.agreement,
                        ticket: delivery.ticket,
                        to: delivery.destination.kind,
                        in: &session,
                    )
                }
            },
        )
    }

    private func httpConfiguration(tls: HTTPServerConfiguration.TLSIdentity?) -> HTTPServerConfiguration {
        var configuration = HTTPServerConfiguration()
        configuration.bodyByteLimit = settings.bodyLimit
        configuration.connectionLimit = settings.connectionLimit
        configuration.tls = tls
        configuration.overloadResponse = { HTTPResponse(ProtocolFault.overloaded) }
        configuration.timeoutResponse = { HTTPResponse(ProtocolFault.overloaded) }
        return configuration
    }

    /// The bearer token: from the file that was given, or made in the data directory.
    private func bearerToken() throws -> AccessToken {
        let path = settings.tokenFile ?? workspace.directory.path(of: "token")
        if settings.tokenFile == nil, !FileManager.default.fileExists(atPath: path) {
            let secret = hexadecimal(Randomness.system.bytes(32)) + "\n"
            guard
                FileManager.default.createFile(
                    atPath: path,
                    contents: Data(secret.utf8),
                    attributes: [.posixPermissions: 0o600]
                )
            else { throw CommandFailure("the token file \(path) cannot be made", status: 73) }
        }
        let text = String(decoding: try ServiceSettings.contents(path), as: UTF8.self)
        let secret = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard secret.utf8.count >= 32 else {
            throw CommandFailure(
                "the token in \(path) has fewer than 32 characters; 'openssl rand -hex 32' makes one",
                status: 78
            )
        }
        return AccessToken(secret)
    }
}
