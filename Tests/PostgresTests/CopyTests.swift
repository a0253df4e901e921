import Postgres
import Testing

@Suite struct CopyTests {
    private let database: TestDatabase

    private struct Stop: Error {}

    init() throws {
        database = try TestDatabase()
        var session = try database.open()
        try session.execute("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    }

    private func count(_ session: inout PostgresSession) throws -> Int {
        try session.query("SELECT count(*) FROM item").onlyRow().decode(Int.self)
    }

    @Test func `text goes in and comes out as it was`() throws {
        var session = try database.open()
        let names = ["plain", "tab\t and\nline\r", "back\\slash \\N", "", nil, "é"]
        let stored = try session.copyIn("COPY item FROM STDIN") { writer in
            for (id, name) in names.enumerated() {
                try writer.write(row: ["\(id)", name])
            }
        }
        #expect(stored == 6)
        #expect(try session.query("SELECT name FROM item ORDER BY id").decode(String?.self) == names)
        var lines: [String] = []
        let read = try session.copyOut("COPY (SELECT id FROM item ORDER BY id) TO STDOUT") { bytes in
            lines.append(String(decoding: (0..<bytes.count).map { bytes[$0] }, as: UTF8.self))
        }
        #expect(read == 6)
        #expect(lines == (0..<6).map { "\($0)\n" })
        #expect(session.isClean == true)
    }

    @Test func `a hundred thousand binary rows go in and out through a bounded buffer`() throws {
        var session = try database.open()
        var batch = RowBatch(try session.compositeType("item"))
        let stored = try session.copyIn("COPY item FROM STDIN (FORMAT binary)") { writer in
            for start in stride(from: 0, to: 100_000, by: 500) {
                batch.removeAll()
                for id in start..<start + 500 {
                    try batch.appendRow { row in
                        row.append(Int64(id))
                        row.append("name \(id)")
                    }
                }
                try writer.write(batch)
            }
        }
        #expect(stored == 100_000)
        var byteCount = 0
        let read = try session.copyOut("COPY item TO STDOUT (FORMAT binary)") { byteCount += $0.count }
        #expect(read == 100_000)
        #expect(byteCount > 2_000_000)
    }

    @Test func `rows of a query come out one by one, and go in again as they are`() throws {
        var session = try database.open()
        for count in [0, 1, 3] {
            try session.execute("TRUNCATE item")
            try session.execute(
                "INSERT INTO item SELECT n, CASE WHEN n <> 2 THEN 'é' || n END FROM generate_series(1, \(count)) AS n"
            )
            var rows: [[UInt8]] = []
            let read = try session.copyRows(of: "SELECT id, name FROM item ORDER BY id") { rows.append($0) }
            #expect(read == count && rows.count == count)
            #expect(rows.allSatisfy { $0.starts(with: [0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]) })
            try session.execute("CREATE TABLE again (LIKE item)")
            let stored = try session.copyIn("COPY again FROM STDIN (FORMAT binary)") { writer in
                for row in rows { try writer.write(row) }
            }
            #expect(stored == count)
            let lost = try session.query("SELECT * FROM item EXCEPT SELECT * FROM again")
            #expect(lost.isEmpty)
            try session.execute("DROP TABLE again")
        }
        #expect(throws: Stop.self) {
            try session.copyRows(of: "SELECT 1 FROM generate_series(1, 3)") { _ in throw Stop() }
        }
        #expect(session.isClean == true)
    }

    @Test func `an empty COPY stores nothing`() throws {
        var session = try database.open()
        #expect(try session.copyIn("COPY item FROM STDIN") { _ in } == 0)
        #expect(try session.copyIn("COPY item FROM STDIN (FORMAT binary)") { _ in } == 0)
        #expect(try session.copyOut("COPY item TO STDOUT") { _ in Issue.record("no rows") } == 0)
    }

    @Test func `a row that the server refuses undoes the whole, and the session goes on`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.copyIn("COPY item FROM STDIN") { writer in
                for id in 0..<20_000 {
                    try writer.write(row: [id == 5 ? "secret-row" : "\(id)", String(repeating: "x", count: 100)])
                }
            }
        }
        #expect(error?.code == .invalidTextRepresentation)
        #expect(error?.outcome == .notApplied)
        #expect(error?.description.contains("secret-row") == false)
        #expect(error?.debugDescription.contains("secret-row") == true)
        #expect(session.isClean == true)
        #expect(try count(&session) == 0)
    }

    @Test func `a writer that throws undoes the whole, and its own error is thrown`() throws {
        var session = try database.open()
        for format in ["text", "binary"] {
            #expect(throws: Stop.self) {
                try session.copyIn("COPY item FROM STDIN (FORMAT \(unescaped: format))") { writer in
                    if format == "text" { try writer.write(Array("1\tx\n".utf8)) }
                    throw Stop()
                }
            }
            #expect(session.isClean == true)
        }
        #expect(try count(&session) == 0)
    }

    @Test func `a reader that throws ends the COPY early`() throws {
        var session = try database.open()
        var pieces = 0
        #expect(throws: Stop.self) {
            try session.copyOut("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 5000000)) TO STDOUT") { _ in
                pieces += 1
                if pieces == 10 { throw Stop() }
            }
        }
        #expect(pieces == 10)
        #expect(session.isClean == true)
        #expect(try session.query("SELECT 1").count == 1)
    }

    @Test func `what is no COPY, or one in the other direction, is refused`() throws {
        var session = try database.open()
        for sql in ["SELECT 1", "COPY nothing FROM STDIN", "COPY item TO STDOUT"] {
            #expect(throws: PostgresError.self) {
                try session.copyIn(SQL(unescaped: sql)) { _ in Issue.record("nothing to write to") }
            }
        }
        #expect(session.isBroken == true)
        var other = try database.open()
        #expect(throws: PostgresError.self) { try other.copyOut("SELECT 1") { _ in } }
        #expect(throws: PostgresError.self) { try other.copyOut("COPY item FROM STDIN") { _ in } }
    }

    @Test func `text for a binary COPY and rows for one of text are refused`() throws {
        var session = try database.open()
        let batch = RowBatch(try session.compositeType("item"))
        let text = #expect(throws: PostgresError.self) {
            try session.copyIn("COPY item FROM STDIN (FORMAT binary)") { writer in try writer.write(row: ["1", nil]) }
        }
        #expect(text?.kind == .misuse)
        let rows = #expect(throws: PostgresError.self) {
            try session.copyIn("COPY item FROM STDIN") { writer in try writer.write(batch) }
        }
        #expect(rows?.kind == .misuse)
        #expect(session.isClean == true)
    }

    @Test func `COPY in a transaction belongs to it`() throws {
        var session = try database.open()
        #expect(throws: Stop.self) {
            try session.transaction { session in
                try session.copyIn("COPY item FROM STDIN") { writer in try writer.write(row: ["1", "x"]) }
                throw Stop()
            }
        }
        #expect(try count(&session) == 0)
    }
}
