import Postgres
import Synchronization
import Testing

@Suite(.tags(.concurrency)) struct PostgresPoolTests {
    private let database: TestDatabase

    private struct Stop: Error {}

    init() throws {
        database = try TestDatabase()
    }

    /// Waits longer than is usual, as other tests block the few threads that tasks have.
    private func limits(_ maximumConnections: Int) -> PoolLimits {
        PoolLimits(maximumConnections: maximumConnections, leaseTimeout: .seconds(60))
    }

    /// Runs when `isDone`, asked again and again without blocking anybody.
    private func wait(until isDone: () async throws -> Bool) async throws {
        while try await !isDone() { await Task.yield() }
    }

    @Test func `many tasks share few connections`() async throws {
        let borrowers = BorrowerCount()
        let limits = limits(3)
        let total = try await PostgresPool.with(database.configuration, limits: limits) { pool in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        try await pool.withConnection { connection in
                            borrowers.enter()
                            defer { borrowers.leave() }
                            return try await connection.query("SELECT \(number)").onlyRow().decode(Int.self)
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
        }
        #expect(total == 299 * 150)
        #expect(borrowers.most <= 3)
    }

    @Test func `what a borrower leaves open is rolled back, and what it breaks is replaced`() async throws {
        try await PostgresPool.with(database.configuration, limits: limits(1)) { pool in
            try await pool.withConnection { connection in
                try await connection.execute("CREATE TABLE item ()")
                try await connection.execute("BEGIN")
                try await connection.execute("CREATE TABLE left_open ()")
            }
            let state = try await pool.withSession { session in
                try session.query("SELECT to_regclass('item') IS NULL, to_regclass('left_open') IS NULL").onlyRow()
                    .decode((Bool, Bool).self)
            }
            #expect(state == (false, true))
            await #expect(throws: PostgresError.self) {
                try await pool.withSession { session in
                    _ = try session.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)")
                }
            }
            #expect(try await pool.withSession { try $0.query("SELECT 1").count } == 1)
            await #expect(throws: Stop.self) { try await pool.withConnection { _ in throw Stop() } }
            #expect(try await pool.withSession { try $0.query("SELECT 1").count } == 1)
        }
    }

    @Test func `a connection that died while idle is not lent`() async throws {
        var limits = limits(1)
        limits.checkAfter = .zero
        try await PostgresPool.with(database.configuration, limits: limits) { pool in
            let process = try await pool.withSession { session in session.backendProcessID }
            let other = try await PostgresConnection.open(database.configuration)
            try await other.execute("SELECT pg_terminate_backend(\(process), 10000)")
            let next = try await pool.withSession { session in
                _ = try session.query("SELECT 1")
                return session.backendProcessID
            }
            #expect(next != process)
        }
    }

    @Test func `who waits gives up at the limit, or when cancelled, and is not served later`() async throws {
        try await PostgresPool.with(database.configuration, limits: limits(1)) { pool in
            try await pool.withConnection { _ in
                let late = await #expect(throws: PostgresError.self) {
                    try await pool.withConnection(within: .milliseconds(50)) { _ in Issue.record("lent twice") }
                }
                #expect(late?.kind == .deadline)
                let waiting = Task { try await pool.withConnection { _ in Issue.record("lent twice") } }
                waiting.cancel()
                let cancelled = await #expect(throws: PostgresError.self) { try await waiting.value }
                #expect(cancelled?.kind == .cancelled)
            }
            try await pool.withConnection { connection in #expect(connection.isClean) }
        }
    }

    @Test func `an unreachable server is told to who waited for it`() async throws {
        var configuration = database.configuration
        configuration.server = .keywords(["host": "/nowhere"])
        var limits = limits(2)
        limits.firstPause = .milliseconds(10)
        try await PostgresPool.with(configuration, limits: limits) { pool in
            // The first who wait may give up before the first attempt has failed.
            try await wait {
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.withConnection(within: .milliseconds(50)) { _ in }
                }
                return error?.kind == .deadline && error?.description.contains("/nowhere") == true
            }
        }
    }

    @Test func `closing waits for what is lent and refuses the rest`() async throws {
        let pool = PostgresPool(database.configuration, limits: limits(1))
        async let running: Void = pool.run()
        let (entered, enter) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        let borrower = Task {
            try await pool.withConnection { connection in
                enter.finish()
                for await _ in released {}
                return try await connection.query("SELECT 1").count
            }
        }
        for await _ in entered {}
        let closing = BorrowerCount()
        closing.enter()
        let closer = Task {
            await pool.close()
            closing.leave()
        }
        // The refusal shows that the closing has begun.
        try await wait {
            do {
                try await pool.withConnection(within: .milliseconds(1)) { _ in }
                return false
            } catch let error as PostgresError {
                return error.message == "the pool is closed"
            }
        }
        #expect(closing.current == 1)
        release.finish()
        #expect(try await borrower.value == 1)
        await closer.value
        await running
    }

    @Test func `at its limit closing cancels what still runs`() async throws {
        let pool = PostgresPool(database.configuration, limits: limits(1))
        async let running: Void = pool.run()
        let (entered, enter) = AsyncStream<Void>.makeStream()
        let borrower = Task {
            try await pool.withConnection { connection in
                _ = try await connection.withSession { session in
                    enter.finish()
                    return try session.query("SELECT pg_sleep(20)")
                }
            }
        }
        for await _ in entered {}
        await pool.close(within: .milliseconds(50))
        let error = await #expect(throws: PostgresError.self) { try await borrower.value }
        #expect(error?.kind == .cancelled)
        await running
    }

    @Test func `cancelling what runs the pool closes it`() async throws {
        let pool = PostgresPool(database.configuration, limits: limits(2))
        let running = Task { await pool.run() }
        #expect(try await pool.withSession { try $0.query("SELECT 1").count } == 1)
        running.cancel()
        await running.value
        let error = await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
        #expect(error?.message == "the pool is closed")
        await pool.close()
    }
}

/// How many are at something, and how many ever were at the same time.
private final class BorrowerCount: Sendable {
    private let count = Mutex((current: 0, most: 0))

    func enter() {
        count.withLock { count in
            count.current += 1
            count.most = max(count.most, count.current)
        }
    }

    func leave() { count.withLock { $0.current -= 1 } }

    var current: Int { count.withLock { $0.current } }

    var most: Int { count.withLock { $0.most } }
}
