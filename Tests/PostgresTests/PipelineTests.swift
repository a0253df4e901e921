import Postgres
import Testing

@Suite struct PipelineTests {
    private let database: TestDatabase

    init() throws {
        database = try TestDatabase()
        var session = try database.open()
        try session.execute("CREATE TABLE item (id bigint PRIMARY KEY, name text)")
    }

    private func insert(_ id: Int) -> SQL {
        "INSERT INTO item VALUES (\(id), 'x')"
    }

    private func ids(_ session: inout PostgresSession) throws -> [Int] {
        try session.query("SELECT id FROM item ORDER BY id").decode(Int.self)
    }

    @Test func `statements run in order and each has its answer`() throws {
        var session = try database.open()
        for _ in 0..<3 {
            let answers = try session.pipeline([
                "DELETE FROM item", insert(1), insert(2), "SELECT id FROM item ORDER BY id", "CREATE TEMP TABLE t ()",
                "DROP TABLE t",
            ])
            #expect(answers.count == 6)
            #expect(answers[1].affectedRowCount == 1)
            #expect(try answers[3].decode(Int.self) == [1, 2])
            #expect(answers[4].commandTag == "CREATE TABLE")
        }
        #expect(try session.pipeline([]).isEmpty)
    }

    @Test(arguments: 0..<3)
    func `the first failure stops and undoes the rest, in every state of preparation`(round: Int) throws {
        var session = try database.open()
        for _ in 0..<round { try session.pipeline(["DELETE FROM item", insert(1), insert(2), "SELECT 1 / \(1)"]) }
        try session.execute("TRUNCATE item")
        let error = #expect(throws: PostgresError.self) {
            try session.pipeline([insert(1), insert(2), insert(1), insert(3), "SELECT 1 / \(0)"])
        }
        #expect(error?.code == .uniqueViolation)
        #expect(error?.statementIndex == 2)
        #expect(error?.constraint == "item_pkey")
        #expect(error?.table == "item")
        #expect(error?.outcome == .notApplied)
        #expect(error?.statement == "INSERT INTO item VALUES ($1, 'x')")
        #expect(session.isClean == true)
        #expect(try ids(&session) == [])
        try session.pipeline([insert(1), insert(2)])
        #expect(try ids(&session) == [1, 2])
    }

    @Test func `a statement that cannot be parsed is told from the ones around it`() throws {
        var session = try database.open()
        for _ in 0..<3 {
            let error = #expect(throws: PostgresError.self) {
                try session.pipeline([insert(1), "SELEC \(1)", insert(2)])
            }
            #expect(error?.statementIndex == 1)
            #expect(error?.code == .syntaxError)
        }
        #expect(try ids(&session) == [])
    }

    @Test func `a failure after a COMMIT of its own leaves the outcome open`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.pipeline(["BEGIN", insert(1), "COMMIT", "SELECT 1 / \(0)"])
        }
        #expect(error?.statementIndex == 3)
        #expect(error?.outcome == .unknown)
        #expect(try ids(&session) == [1])
    }

    @Test func `answers can be read later`() throws {
        var session = try database.open()
        let pending = try session.send(pipeline: [insert(1), "SELECT count(*) FROM item"])
        let answers = try session.receive(pending)
        #expect(try answers[1].decode(Int.self) == [1])
        let failing = try session.send(pipeline: [insert(1)])
        do {
            _ = try session.receive(failing)
            Issue.record("inserted twice")
        } catch {
            #expect(error.code == .uniqueViolation)
        }
        #expect(session.isClean == true)
    }

    @Test func `answers that nobody reads cost the session`() throws {
        var session = try database.open()
        _ = try session.send(pipeline: ["SELECT 1"])
        #expect(session.isClean == false)
        let error = #expect(throws: PostgresError.self) { try session.query("SELECT 2") }
        #expect(error?.kind == .misuse)
        #expect(session.isBroken == true)
        var other = try database.open()
        let pending = try other.send(pipeline: ["SELECT 1"])
        do {
            _ = try session.receive(pending)
            Issue.record("read from another session")
        } catch {
            #expect(error.kind == .misuse)
        }
    }

    @Test func `neither side waits for the other, however much there is to say`() throws {
        var session = try database.open()
        let large = String(repeating: "x", count: 300_000)
        let statements = (0..<60).map { number in SQL("SELECT \(large), repeat('y', 300000), \(number)") }
        let answers = try session.pipeline(statements)
        #expect(try answers.map { try $0.onlyRow()[2, as: Int.self] } == Array(0..<60))
    }

    @Test func `COPY in a pipeline is refused`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.execute("COPY item FROM STDIN", within: .seconds(5))
        }
        #expect(error != nil)
        #expect(session.isBroken == true)
    }

    @Test func `a script is one transaction, and says what failed`() throws {
        var session = try database.open()
        try session.run(script: "INSERT INTO item VALUES (1); SELECT * FROM item; INSERT INTO item VALUES (2)")
        let error = #expect(throws: PostgresError.self) {
            try session.run(script: "INSERT INTO item VALUES (3); INSERT INTO item VALUES (1)")
        }
        #expect(error?.code == .uniqueViolation)
        #expect(error?.outcome == .notApplied)
        #expect(try ids(&session) == [1, 2])
        #expect(session.isClean == true)
    }
}
