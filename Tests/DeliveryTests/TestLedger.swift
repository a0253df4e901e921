import Cryptography
import Delivery
import HTTPClient
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Sharing
import Synchronization
import TestRequests
import TestSupport
import Testing
import TicketSharing

/// Time that passes when a test says so.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp.now())

    var now: Timestamp { time.withLock { $0 } }

    func advance(by duration: Duration) {
        time.withLock { $0 = $0.advanced(by: duration) }
    }
}

extension Trait where Self == DatabaseTrait {
    /// A database with the whole schema for every test.
    static var schema: Self {
        .database(template: "delivery") { database in
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(server: .keywords(database.parameters(as: .owner))),
            )
            try await connection.withSession { session in _ = try Migrator.migrate(in: &session) }
            await connection.close()
        }
    }
}

/// A ledger with what a test puts into it, and an engine over it.
struct TestLedger: Sendable {
    static let keys = KeyRing(master: [UInt8](0..<32))
    static let partnerKey = "0123456789abcdef0123456789abcdef01234567"

    let store: Store
    let client: HTTPClient
    let clock: TestClock
    let settings: DeliverySettings
    let stateMessages: StateMessageSource
    let log: LogCollector

    /// Opens a second access to a ledger, as another process has it.
    init(
        desk: String? = nil,
        clock: TestClock = TestClock(),
        configure: (inout DeliverySettings) -> Void = { _ in },
        stateMessages: @escaping StateMessageSource = { _ in [] },
    ) async throws {
        var settings = DeliverySettings(version: "test")
        settings.shortestPoll = .milliseconds(20)
        settings.longestPoll = .milliseconds(50)
        settings.upkeepInterval = .milliseconds(100)
        settings.limits.total = .seconds(20)
        configure(&settings)
        self.settings = settings
        self.clock = clock
        self.stateMessages = stateMessages
        log = LogCollector()
        let sharing = SharingSettings(
            publicURL: try BaseURL("https://us.example/sharing"),
            deskURL: try desk.map { try BaseURL($0) },
            privateURL: try BaseURL("http://127.0.0.1:8411"),
            isStrict: false,
        )
        let configuration = PostgresConfiguration(server: .keywords(TestDatabase.current.parameters(as: .service)))
        let origin = try #require(Origin(name: "test.example", epoch: 1))
        let now = clock.now
        let session = try await PostgresConnection.open(
            PostgresConfiguration(server: .keywords(TestDatabase.current.parameters(as: .owner))),
        )
        try await session.withSession { session in
            _ = try LedgerInitializer.open(
                origin,
                settings: sharing,
                keys: Self.keys,
                operator: "test",
                at: now,
                in: &session
            )
        }
        await session.close()
        store = Store(
            configuration: configuration,
            settings: sharing,
            keys: Self.keys,
            logger: Logger(label: "test", logLevel: .error),
            clock: { clock.now },
        )
        client = try HTTPClient(HTTPClient.Configuration(trust: TrustStore()))
    }

    func makeEngine(randomness: Randomness = .system, resolver: Resolver = .system()) -> DeliveryEngine {
        let clock = clock
        return DeliveryEngine(
            store: store,
            client: client,
            settings: settings,
            logger: Logger(label: "test.delivery", logLevel: .debug, handler: log),
            clock: { clock.now },
            randomness: randomness,
            resolver: resolver,
            stateMessages: stateMessages,
        )
    }

    /// Runs an engine while `body` does, then stops it.
    func withEngine<Result>(
        _ engine: DeliveryEngine? = nil,
        _ body: (DeliveryEngine) async throws -> Result,
    ) async throws -> Result {
        let engine = engine ?? makeEngine()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            do {
                let result = try await body(engine)
                await engine.stop(deadline: .seconds(10))
                return result
            } catch {
                await engine.stop(deadline: .zero)
                throw error
            }
        }
    }

    func close() async {
        await store.close()
        await client.stop()
    }
}

// MARK: - What stands in the database

extension TestLedger {
    /// Waits until a condition on the database holds: looks again whenever something was committed.
    func until(
        _ what: String,
        seenBy ledgers: [TestLedger] = [],
        _ condition: @escaping @Sendable (inout PostgresSession) throws -> Bool,
    ) async throws {
        let followed = (ledgers.isEmpty ? [self] : ledgers).map { $0.store.commits.reports() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for reports in followed {
                group.addTask {
                    if try await store.read(condition) { return true }
                    for await _ in reports where try await store.read(condition) { return true }
                    return false
                }
            }
            group.addTask {
                // The bound of the wait, not the wait.
                try await Task.sleep(for: .seconds(30))
                return false
            }
            let holds = try await group.next() ?? false
            group.cancelAll()
            guard holds else { throw TimedOut(what: what) }
        }
    }

    struct TimedOut: Error {
        let what: String
    }

    /// Waits until nothing is left in the queue.
    ///
    /// - Parameter ledgers: Whose commits may be the last ones.
    func untilDelivered(seenBy ledgers: [TestLedger] = []) async throws {
        try await until("an empty queue", seenBy: ledgers) { session in
            try session.query("SELECT count(*) FROM delivery.queue").onlyRow()[0, as: Int64.self] == 0
        }
    }

    /// The events of a type, in order, with the facts of each.
    func events(_ types: EventType...) async throws -> [RecordedEvent] {
        try await store.read { session in
            let events = try LedgerReader.events(where: "e.type = ANY (\(types.map(\.rawValue)))", in: &session)
            let parts = try LedgerReader.parts(of: events.map(\.position), in: &session)
            return events.map { RecordedEvent(event: $0, parts: parts[$0.position] ?? [:]) }
        }
    }

    /// Waits until so many events of a type are there, and returns them.
    func events(_ type: EventType, count: Int, seenBy ledgers: [TestLedger] = []) async throws -> [RecordedEvent] {
        try await until("\(count) events \(type.rawValue)", seenBy: ledgers) { session in
            try session.query("SELECT count(*) FROM ledger.event WHERE type = \(type.rawValue)").onlyRow()[
                0,
                as: Int64.self
            ]
                >= Int64(count)
        }
        return try await events(type)
    }

    /// One text of the first row of a query.
    func value(_ sql: SQL) async throws -> String? {
        try await store.read { session in try session.query(sql).first.map { try $0[0, as: String?.self] } ?? nil }
    }

    func execute(_ sql: SQL) async throws {
        try await store.read { session in _ = try session.execute(sql) }
    }
}

/// An event with its parts as text.
struct RecordedEvent: Sendable {
    let event: StoredEvent
    let parts: [PartName: StoredPart]

    func text(_ part: PartName) -> String {
        String(decoding: parts[part]?.content ?? [], as: UTF8.self)
    }
}

/// Keeps what was logged.
final class LogCollector: LogHandler, Sendable {
    private let lines = Mutex<[LogLine]>([])

    func write(_ line: LogLine) {
        lines.withLock { $0.append(line) }
    }

    var all: [LogLine] { lines.withLock { $0 } }
}
