import Postgres
import Testing

@Suite struct StreamTests {
    private let database: TestDatabase

    private struct Stop: Error {}

    init() throws {
        database = try TestDatabase()
    }

    @Test(arguments: [0, 1, 9, 10, 11, 20, 105])
    func `every row comes once and in order, whatever the pieces`(count: Int) throws {
        var session = try database.open()
        for _ in 0..<2 {
            var seen: [Int] = []
            try session.forEachRow("SELECT n FROM generate_series(1, \(count)) AS n", fetchSize: 10) { row in
                seen.append(try row.decode(Int.self))
            }
            #expect(seen == Array(0..<count).map { $0 + 1 })
        }
        #expect(session.isClean == true)
    }

    @Test func `streams of different shape follow one another`() throws {
        var session = try database.open()
        var texts: [String] = []
        for sql in ["SELECT 1", "SELECT 'a'", "SELECT 2.5", "SELECT NULL"] {
            try session.forEachRow("SELECT x::text FROM (\(unescaped: sql)) AS s (x)") { row in
                texts.append(try row[0, as: String?.self] ?? "nil")
            }
        }
        #expect(texts == ["1", "a", "2.5", "nil"])
    }

    @Test func `within a transaction the stream leaves it open`() throws {
        var session = try database.open()
        try session.transaction { session in
            var count = 0
            try session.forEachRow("SELECT * FROM generate_series(1, 25)", fetchSize: 10) { _ in count += 1 }
            #expect(count == 25)
            #expect(throws: Stop.self) {
                try session.forEachRow("SELECT * FROM generate_series(1, 25)", fetchSize: 10) { _ in throw Stop() }
            }
            #expect(session.transactionState == .open)
        }
        #expect(session.isClean == true)
    }

    @Test func `a body that throws, or a statement that fails on the way, ends the stream`() throws {
        var session = try database.open()
        var count = 0
        #expect(throws: Stop.self) {
            try session.forEachRow("SELECT * FROM generate_series(1, 100000)", fetchSize: 10) { _ in
                count += 1
                if count == 15 { throw Stop() }
            }
        }
        #expect(count == 15)
        #expect(session.isClean == true)
        let error = #expect(throws: PostgresError.self) {
            try session.forEachRow("SELECT 1 / (50 - n) FROM generate_series(1, 100) AS n", fetchSize: 10) { _ in }
        }
        #expect(error?.code?.errorClass == "22")
        #expect(session.isClean == true)
        #expect(throws: PostgresError.self) { try session.forEachRow("SELEC") { _ in } }
        #expect(session.isClean == true)
    }
}
