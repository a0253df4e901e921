import JSON
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport

extension TestDatabase {
    /// An appender without a store around it.
    func appender(
        limits: Appender.Limits = Appender.Limits(),
        patience: Duration = .seconds(10),
        configuration: PostgresConfiguration? = nil,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        onCommit: @escaping @Sendable (BatchReport) -> Void = { _ in },
    ) throws -> Appender {
        let worker = AppendWorker(
            configuration: configuration ?? self.configuration(),
            settings: try MemoryLedger.settings(),
            keys: MemoryLedger.keys,
            logger: Logger(label: "tests", logLevel: .critical),
            patience: patience,
            clock: clock,
        )
        return Appender(worker: worker, limits: limits, onCommit: onCommit)
    }
}

extension Appender {
    /// Appends an event that says no more than its number.
    @discardableResult
    func note(
        _ number: Int = 0,
        byteCount: Int = 100,
        additional: @escaping @Sendable (Receipt) -> [SQL] = { _ in [] },
    ) async throws(AppendError) -> Receipt {
        try await append(StateKeys(), byteCount: byteCount, additional: additional) { transaction in
            let facts = Facts.object { $0.member("note", number) }
            return transaction.append(
                EventDraft(.holdPlaced, stream: .system, parts: [transaction.part(.facts, facts)]),
            )
        }
    }
}

/// Holds the ledger's lock, so that a test decides when a batch goes on.
struct LedgerHold: ~Copyable {
    private var session: PostgresSession

    init(_ database: TestDatabase) throws {
        var session = try database.session(as: .administrator)
        _ = try session.query("SELECT pg_advisory_lock(\(StateLoader.lockKey))")
        self.session = session
    }

    /// Returns once somebody waits for the lock.
    mutating func untilSomebodyWaits() async throws {
        try await until(
            """
            SELECT EXISTS (
                SELECT
                FROM pg_locks
                WHERE locktype = 'advisory'
                    AND NOT granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            )
            """
        )
    }

    /// Returns once a question is answered with true, or throws after a while.
    mutating func until(_ question: SQL) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try !session.query(question).onlyRow()[0, as: Bool.self] {
            guard ContinuousClock.now < deadline else {
                throw PostgresError(.deadline, "it did not come to it: \(question.text)")
            }
            await Task.yield()
        }
    }

    mutating func release() throws {
        _ = try session.query("SELECT pg_advisory_unlock_all()")
    }
}
