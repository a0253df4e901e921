import Foundation
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

extension Trait where Self == DatabaseTrait {
    /// A database with the whole schema and an open ledger for every test.
    static var ledger: Self {
        .database(template: "ledger") { database in
            var session = try PostgresSession.open(database.configuration(as: .owner))
            _ = try Migrator.migrate(in: &session)
            var service = try PostgresSession.open(database.configuration(as: .service))
            let opened = try LedgerInitializer.open(
                Origin(name: "desk.example/sharing", epoch: 1)!,
                settings: MemoryLedger.settings(),
                keys: MemoryLedger.keys,
                operator: "tests",
                at: Timestamp.now(),
                in: &service,
            )
            guard case .opened = opened else { throw CocoaError(.featureUnsupported) }
        }
    }

    /// A database with the whole schema and no ledger for every test.
    static var schema: Self {
        .database(template: "schema") { database in
            var session = try PostgresSession.open(database.configuration(as: .owner))
            _ = try Migrator.migrate(in: &session)
        }
    }
}

extension TestDatabase {
    /// How to connect to it.
    func configuration(as role: ClusterRole = .service) -> PostgresConfiguration {
        PostgresConfiguration(server: .keywords(parameters(as: role)), applicationName: "tests \(role.rawValue)")
    }

    /// A session of its own.
    func session(as role: ClusterRole = .service) throws -> PostgresSession {
        try PostgresSession.open(configuration(as: role))
    }

    /// A store, closed when `body` ends.
    func withStore<Result>(
        deskURL: String? = nil,
        isStrict: Bool = false,
        limits: Appender.Limits = Appender.Limits(),
        configuration: PostgresConfiguration? = nil,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        _ body: (Store) async throws -> Result,
    ) async throws -> Result {
        let store = Store(
            configuration: configuration ?? self.configuration(),
            settings: try MemoryLedger.settings(deskURL: deskURL, isStrict: isStrict),
            keys: MemoryLedger.keys,
            logger: Logger(label: "tests", logLevel: .critical),
            limits: limits,
            poolSize: 2,
            clock: clock,
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
}

extension Store {
    /// What a request is answered once it is committed.
    func answer(
        _ request: TestRequest,
        additional: @escaping @Sendable (Answer) -> [SQL] = { _ in [] },
    ) async throws(AppendError) -> Answer {
        let capture = RequestReader(keys: keys).read(request.incoming, at: .now())
        return try await appender.append(
            StateKeys(of: capture),
            byteCount: request.body.count + 1024,
            additional: additional
        ) {
            transaction in
            guard capture.method != "GET" else { return transaction.answerRead(capture) }
            return transaction.decide(capture) { true }
        }
    }

    /// Adds a partner.
    func addPartner(_ name: String, url: String) async throws {
        let settings = PartnerSettings(name: name, url: try BaseURL(url))
        let added = try await appender.append(StateKeys(), byteCount: 1024) { transaction in
            Result { () throws(OperatorFault) in try transaction.acceptPartner(settings, operator: "tests") }
        }
        _ = try added.get()
    }
}
