import Postgres
import Testing

@Suite struct PostgresConnectionTests {
    private let database: TestDatabase

    init() throws {
        database = try TestDatabase(isolated: ())
    }

    /// Returns once the connection's statement waits for the lock that `holder` has.
    private func waitUntilBlocked(_ holder: PostgresConnection) async throws {
        while true {
            let waiting = try await holder.query(
                "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
            )
            if try waiting.onlyRow().decode(Int.self) > 0 { return }
            await Task.yield()
        }
    }

    @Test func `a session is lent on its own thread, and the caller's is free`() async throws {
        let connection = try await PostgresConnection.open(database.configuration)
        try await connection.execute("CREATE TABLE item (id int)")
        let count = try await connection.withSession { session in
            try session.transaction { session in
                try session.execute("INSERT INTO item VALUES (1), (2)")
                return try session.query("SELECT count(*) FROM item").onlyRow().decode(Int.self)
            }
        }
        #expect(count == 2)
        #expect(connection.isClean)
        #expect(try await connection.pipeline(["SELECT 1", "SELECT 2"]).count == 2)
    }

    @Test(.tags(.concurrency)) func `cancelling the task cancels its statement, and the connection goes on`()
        async throws
    {
        let holder = try await PostgresConnection.open(database.configuration)
        let connection = try await PostgresConnection.open(database.configuration)
        try await holder.execute("SELECT pg_advisory_lock(1)")
        let task = Task { try await connection.query("SELECT pg_advisory_lock(1)") }
        try await waitUntilBlocked(holder)
        task.cancel()
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(error?.code == .queryCanceled)
        #expect(connection.isClean)
        #expect(try await connection.query("SELECT 1").count == 1)
    }

    @Test(.tags(.concurrency)) func `a cancelled transaction is rolled back all the same`() async throws {
        let holder = try await PostgresConnection.open(database.configuration)
        let connection = try await PostgresConnection.open(database.configuration)
        try await holder.execute("CREATE TABLE item (id int)")
        try await holder.execute("SELECT pg_advisory_lock(1)")
        let task = Task {
            try await connection.withSession { session in
                try session.transaction { session in
                    try session.execute("INSERT INTO item VALUES (1)")
                    _ = try? session.execute("SELECT pg_advisory_lock(1)")
                    // Nothing more is sent for a task that has been cancelled.
                    try session.execute("SELECT 1")
                }
            }
        }
        try await waitUntilBlocked(holder)
        task.cancel()
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(connection.isClean)
        #expect(try await holder.query("SELECT count(*) FROM item").decode(Int.self) == [0])
    }

    @Test func `a task that is cancelled beforehand sends nothing`() async throws {
        let connection = try await PostgresConnection.open(database.configuration)
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await connection.execute("CREATE TABLE never ()")
        }
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
        #expect(try await connection.query("SELECT to_regclass('never') IS NULL").decode(Bool.self) == [true])
    }

    @Test func `connecting is cancelled too`() async throws {
        let proxy = try TestProxy(to: "/nowhere", accepts: false)
        defer { proxy.stop() }
        let configuration = PostgresConfiguration(server: .keywords(["host": proxy.directory, "user": "postgres"]))
        let task = Task { _ = try await PostgresConnection.open(configuration) }
        task.cancel()
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    @Test func `a closed connection says so`() async throws {
        let connection = try await PostgresConnection.open(database.configuration)
        await connection.close()
        #expect(connection.isBroken)
        let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
        #expect(error?.kind == .connection)
    }

    @Test(.tags(.concurrency)) func `many tasks share one connection in turns`() async throws {
        let connection = try await PostgresConnection.open(database.configuration)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<200 {
                group.addTask { try await connection.query("SELECT \(number)").onlyRow().decode(Int.self) }
            }
            var sum = 0
            for try await number in group { sum += number }
            #expect(sum == 199 * 100)
        }
    }

    @Test(.tags(.concurrency)) func `blocked connections do not keep others from running`() async throws {
        let holder = try await PostgresConnection.open(database.configuration)
        try await holder.execute("SELECT pg_advisory_lock(1)")
        // More than there are processors, each blocking its thread.
        let blocked = try await withThrowingTaskGroup(of: PostgresConnection.self) { group in
            for _ in 0..<8 { group.addTask { try await PostgresConnection.open(database.configuration) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in blocked {
                group.addTask { try await connection.execute("SELECT pg_advisory_xact_lock(1)") }
            }
            try await waitUntilBlocked(holder)
            #expect(try await holder.query("SELECT 1").count == 1)
            try await holder.execute("SELECT pg_advisory_unlock(1)")
            try await group.waitForAll()
        }
    }
}
