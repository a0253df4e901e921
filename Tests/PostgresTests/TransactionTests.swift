import Postgres
import Testing

@Suite struct TransactionTests {
    private let database: TestDatabase

    private struct Stop: Error {}

    init() throws {
        database = try TestDatabase()
        var session = try database.open()
        try session.execute("CREATE TABLE item (id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    }

    private func ids(_ session: inout PostgresSession) throws -> [Int] {
        try session.query("SELECT id FROM item ORDER BY id").decode(Int.self)
    }

    @Test func `what returns is committed, what throws is not`() throws {
        var session = try database.open()
        let count = try session.transaction { session in try session.execute("INSERT INTO item VALUES (1), (2)") }
        #expect(count == 2)
        #expect(throws: Stop.self) {
            try session.transaction { session in
                try session.execute("INSERT INTO item VALUES (3)")
                throw Stop()
            }
        }
        #expect(try ids(&session) == [1, 2])
        #expect(session.isClean == true)
    }

    @Test func `a COMMIT that the server refuses has certainly not been applied`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in try session.execute("INSERT INTO item VALUES (1), (1)") }
        }
        #expect(error?.code == .uniqueViolation)
        #expect(error?.statement == "COMMIT")
        #expect(error?.outcome == .notApplied)
        #expect(session.isClean == true)
        #expect(try ids(&session) == [])
    }

    @Test func `an error that the body drops does not make a rollback look like a commit`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in
                try session.execute("INSERT INTO item VALUES (1)")
                _ = try? session.execute("SELECT 1 / \(0)")
            }
        }
        #expect(error?.kind == .misuse)
        #expect(session.isClean == true)
        #expect(try ids(&session) == [])
    }

    @Test func `modes are what they say`() throws {
        var session = try database.open()
        for (mode, level, readOnly) in [
            (TransactionMode.readCommitted, "read committed", "off"), (.snapshot, "repeatable read", "on"),
            (.repeatableRead, "repeatable read", "off"), (.serializable, "serializable", "off"),
        ] {
            let settings = try session.transaction(mode) { session in
                try session.query(
                    "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')"
                )
                .onlyRow().decode((String, String).self)
            }
            #expect(settings == (level, readOnly))
        }
        let error = #expect(throws: PostgresError.self) {
            try session.transaction(.snapshot) { session in try session.execute("INSERT INTO item VALUES (1)") }
        }
        #expect(error?.code == .readOnlyTransaction)
    }

    @Test func `transactions do not nest, and are not ended from within`() throws {
        var session = try database.open()
        let nested = #expect(throws: PostgresError.self) {
            try session.transaction { session in try session.transaction { _ in } }
        }
        #expect(nested?.kind == .misuse)
        let ended = #expect(throws: PostgresError.self) {
            try session.transaction { session in try session.execute("COMMIT") }
        }
        #expect(ended?.kind == .misuse)
        #expect(session.isClean == true)
    }

    @Test func `two that conflict are told apart from what is wrong for good`() throws {
        var first = try database.open()
        var second = try database.open()
        try first.execute("INSERT INTO item VALUES (1)")
        let error = #expect(throws: PostgresError.self) {
            try first.transaction(.repeatableRead) { session in
                _ = try session.query("SELECT * FROM item")
                try second.execute("UPDATE item SET id = 2")
                try session.execute("UPDATE item SET id = 3")
            }
        }
        #expect(error?.code == .serializationFailure)
        #expect(error?.isTransient == true)
        #expect(error?.isConnectionLoss == false)
    }
}
