import JSON
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

@Suite(.ledger) struct AppenderRecoveryTests {
    private let database = TestDatabase.current

    @Test func `a COMMIT whose answer is lost is looked up, answered, and not done twice`() async throws {
        let proxy = try CommitProxy(to: database.endpoint)
        let reports = Mutex<[BatchReport]>([])
        let appender = try database.appender(
            configuration: through(proxy),
            onCommit: { report in reports.withLock { $0.append(report) } },
        )
        try await appender.note(1)
        proxy.swallowNextCommit()
        let receipt = try await appender.note(2)
        #expect(proxy.swallowCount == 1)
        #expect(receipt.position == Position(rawValue: 2))
        try await appender.note(3)
        await appender.close()
        #expect(reports.withLock { $0.map(\.events.count) } == [1, 1, 1])
        try expectNotes([1, 2, 3])
    }

    @Test func `where nobody can say whether it was committed the caller learns that, and may repeat it`() async throws
    {
        let proxy = try CommitProxy(to: database.endpoint)
        try await database.withStore(configuration: through(proxy)) { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            proxy.swallowNextCommit(thenRefuses: true)
            let appender = try database.appender(patience: .milliseconds(300), configuration: through(proxy))
            let error = await #expect(throws: AppendError.self) { try await appender.note(1) }
            #expect("\(try #require(error))".contains("sending it again is safe"))
            await appender.close()
        }
        try expectNotes([1])
        // The same for a message: its repeat gets the first answer.
        proxy.admit()
        try await database.withStore { store in
            let first = try await store.answer(.invitation("a1"))
            let second = try await store.answer(.invitation("a1"))
            #expect(second.isRepeat && second.receipt == first.receipt && second.status == 201)
        }
    }

    @Test func `a connection that dies before COMMIT is made again, and the batch done once`() async throws {
        let appender = try database.appender()
        let runs = Mutex(0)
        let receipt = try await appender.note(1) { _ in
            let run = runs.withLock { runs in
                runs += 1
                return runs
            }
            return run == 1 ? ["SELECT pg_terminate_backend(pg_backend_pid())"] : []
        }
        #expect(runs.withLock { $0 } == 2)
        #expect(receipt.position == Position(rawValue: 1))
        await appender.close()
        try expectNotes([1])
    }

    @Test func `a connection that died while nothing was to do is made again`() async throws {
        let appender = try database.appender()
        try await appender.note(1)
        try await database.execute(
            """
            SELECT pg_terminate_backend(pid, 10000)
            FROM pg_stat_activity
            WHERE datname = current_database()
                AND usename = 'shareledger_service'
            """
        )
        try await appender.note(2)
        await appender.close()
        try expectNotes([1, 2])
    }

    @Test func `a conflict with another transaction is tried again`() async throws {
        let appender = try database.appender()
        let runs = Mutex(0)
        try await appender.note(1) { _ in
            let run = runs.withLock { runs in
                runs += 1
                return runs
            }
            return run < 3
                ? ["DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = 'deadlock_detected'; END $$"] : []
        }
        #expect(runs.withLock { $0 } == 3)
        await appender.close()
        try expectNotes([1])
    }

    @Test func `a server that is not there is named unavailable after a while, and used once it is`() async throws {
        let proxy = try CommitProxy(to: database.endpoint)
        let appender = try database.appender(patience: .milliseconds(200), configuration: through(proxy))
        try await appender.note(1)
        proxy.swallowNextCommit(thenRefuses: true)
        _ = await #expect(throws: AppendError.self) { try await appender.note(2) }
        let error = await #expect(throws: AppendError.self) { try await appender.note(3) }
        guard case .unavailable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        proxy.admit()
        try await appender.note(4)
        await appender.close()
        // The second was committed, though nobody could say so then.
        try expectNotes([1, 2, 4])
    }

    @Test func `whoever starts the server again is asked to when it is gone`() async throws {
        let proxy = try CommitProxy(to: database.endpoint)
        let recoveries = Mutex(0)
        let worker = AppendWorker(
            configuration: through(proxy),
            settings: try MemoryLedger.settings(),
            keys: MemoryLedger.keys,
            logger: Logger(label: "tests", logLevel: .critical),
            patience: .seconds(10),
            recover: {
                recoveries.withLock { $0 += 1 }
                proxy.admit()
            },
        )
        let appender = Appender(worker: worker) { _ in }
        try await appender.note(1)
        proxy.swallowNextCommit(thenRefuses: true)
        try await appender.note(2)
        #expect(recoveries.withLock { $0 } > 0)
        await appender.close()
        try expectNotes([1, 2])
    }

    @Test(.long) func `a process that stops in the middle of a batch loses its session, not the ledger`() async throws {
        let appender = try database.appender(patience: .seconds(30))
        let configuration = database.configuration(as: .administrator)
        let runs = Mutex(0)
        try await appender.append(StateKeys(), byteCount: 0) { transaction in
            let facts = Facts.object { $0.member("note", 1) }
            _ = transaction.append(EventDraft(.holdPlaced, stream: .system, parts: [transaction.part(.facts, facts)]))
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            if isFirst { Self.waitUntilNobodyHoldsTheLedger(configuration) }
        }
        #expect(runs.withLock { $0 } == 2)
        await appender.close()
        try expectNotes([1])
    }

    // MARK: Helpers

    /// Stands for a process that was stopped: returns when the server has taken its session away.
    private static func waitUntilNobodyHoldsTheLedger(_ configuration: PostgresConfiguration) {
        do {
            var session = try PostgresSession.open(configuration)
            _ = try session.query("SELECT pg_advisory_lock(\(StateLoader.lockKey))", within: .seconds(25))
        } catch {
            Issue.record("\(error)")
        }
    }

    private func through(_ proxy: CommitProxy) -> PostgresConfiguration {
        var parameters = database.parameters()
        parameters["host"] = proxy.directory.path
        parameters["port"] = "5432"
        return PostgresConfiguration(server: .keywords(parameters), connectTimeout: .seconds(5))
    }

    private func expectNotes(_ numbers: [Int]) throws {
        var session = try database.session()
        let notes = try session.query(
            """
            SELECT (convert_from(p.content, 'UTF8')::jsonb ->> 'note')::bigint
            FROM ledger.event AS e
            JOIN ledger.payload AS p USING (position)
            WHERE e.type = 'hold.placed'
            ORDER BY position
            """
        )
        #expect(try notes.map { try $0[0, as: Int64.self] } == numbers.map { Int64($0) })
        #expect(try ReferenceLedger(in: &session).faults == [])
    }
}
