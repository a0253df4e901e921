import Postgres
import Testing

@Suite struct StatementCacheTests {
    private func key(_ text: String, _ types: [PostgresType] = []) -> StatementCache.Key {
        StatementCache.Key(text: text, types: types)
    }

    @Test func `a statement is prepared when it comes for the second time`() {
        var cache = StatementCache(limit: 4)
        #expect(cache.plan(for: key("a")) == .unnamed)
        #expect(cache.plan(for: key("a")) == .prepare("sl1"))
        #expect(cache.plan(for: key("a")) == .prepared("sl1"))
        #expect(cache.plan(for: key("a", [.int4])) == .unnamed)
        cache.forget(key("a"))
        #expect(cache.plan(for: key("a")) == .unnamed)
    }

    @Test func `the least recently used makes way, and is deallocated if it was prepared`() {
        var cache = StatementCache(limit: 2)
        for text in ["a", "a", "b", "a", "c"] { _ = cache.plan(for: key(text)) }
        #expect(cache.discarded == [])
        #expect(cache.plan(for: key("a")) == .prepared("sl1"))
        for text in ["c", "c", "b"] { _ = cache.plan(for: key(text)) }
        #expect(cache.takeDiscarded() == ["sl1"])
        #expect(cache.takeDiscarded() == [])
        #expect(cache.plan(for: key("a")) == .unnamed)
    }

    @Test func `nothing is kept without a limit, nor what is very long`() {
        var none = StatementCache(limit: 0)
        var some = StatementCache(limit: 2)
        let long = String(repeating: "x", count: 70000)
        for _ in 0..<3 {
            #expect(none.plan(for: key("a")) == .unnamed)
            #expect(some.plan(for: key(long)) == .unnamed)
        }
    }

    // MARK: - With a server

    private func prepared(_ session: inout PostgresSession) throws -> Int {
        try session.query("SELECT count(*) FROM pg_prepared_statements").onlyRow().decode(Int.self)
    }

    @Test func `the server keeps no more statements than the limit`() throws {
        var session = try TestDatabase().open { $0.preparedStatementLimit = 5 }
        for number in 0..<20 {
            for _ in 0..<3 { try session.execute("SELECT \(unescaped: "\(number)") + \(1)") }
        }
        #expect(try prepared(&session) <= 6)
        #expect(session.isClean == true)
    }

    @Test func `a table that changes under a prepared statement is noticed and read anew`() throws {
        var session = try TestDatabase().open()
        try session.execute("CREATE TABLE item (a int)")
        for _ in 0..<3 { _ = try session.query("SELECT * FROM item") }
        #expect(try prepared(&session) >= 1)
        try session.execute("ALTER TABLE item ADD COLUMN b text")
        #expect(try session.query("SELECT * FROM item").columnNames == ["a", "b"])
        try session.execute("DROP TABLE item")
        try session.execute("CREATE TABLE item (c int)")
        #expect(try session.query("SELECT * FROM item").columnNames == ["c"])
    }

    @Test func `in a transaction a stale statement fails once, and may be tried again`() throws {
        var session = try TestDatabase().open()
        try session.execute("CREATE TABLE item (a int)")
        for _ in 0..<3 { _ = try session.query("SELECT * FROM item") }
        try session.execute("ALTER TABLE item ADD COLUMN b text")
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in _ = try session.query("SELECT * FROM item") }
        }
        #expect(error?.isTransient == true)
        let names = try session.transaction { session in try session.query("SELECT * FROM item").columnNames }
        #expect(names == ["a", "b"])
    }

    @Test(arguments: ["DISCARD ALL", "DEALLOCATE ALL"])
    func `statements that the server has dropped are prepared anew`(drop: String) throws {
        var session = try TestDatabase().open { $0.preparedStatementLimit = 3 }
        for _ in 0..<3 { try session.execute("SELECT \(1)") }
        try session.run(script: drop)
        for _ in 0..<3 { try session.execute("SELECT \(1)") }
        for number in 0..<9 { try session.execute("SELECT \(unescaped: "\(number)")") }
        #expect(session.isClean == true)
    }
}
