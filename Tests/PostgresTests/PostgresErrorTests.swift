import Foundation
import Postgres
import Synchronization
import Testing

@Suite struct PostgresErrorTests {
    private let database: TestDatabase
    private let secret = "s3cr\"et-värde"

    init() throws {
        database = try TestDatabase()
        var session = try database.open()
        try session.run(
            script: """
                CREATE TABLE item (id bigint PRIMARY KEY, name text UNIQUE, short varchar(3), CHECK (name <> ''));
                CREATE TABLE part (name text REFERENCES item (name));
                INSERT INTO item VALUES (1, 's3cr"et-värde');
                """
        )
    }

    @Test func `no description shows a bound value, however the server complains`() throws {
        var session = try database.open()
        let statements: [SQL] = [
            "SELECT \(secret)::uuid",
            "SELECT \(secret)::int",
            "SELECT \(secret)::json",
            "SELECT \(secret)::timestamptz",
            "SELECT \(secret)::inet",
            "SELECT \(secret)::bigint[]",
            "SELECT \(secret)::regclass",
            "SELECT \(secret)::regtype",
            "SELECT \(secret)::regrole",
            "SELECT set_config(\(secret), 'x', false)",
            "SELECT set_config('work_mem', \(secret), false)",
            "SELECT decode(\(secret), 'hex')",
            "SELECT 'a' ~ (\(secret) || '(')",
            "SELECT to_char(now(), 'x') || pg_read_file(\(secret))",
            "INSERT INTO item VALUES (2, \(secret))",
            "INSERT INTO item VALUES (2, 'x', \(secret))",
            "INSERT INTO part VALUES (\(secret + "2"))",
            "INSERT INTO item (name) VALUES (\(secret))",
            "SELECT chr(0) || \(secret)",
            "SELECT (\(secret)::text)::bit(3)",
        ]
        for sql in statements {
            for _ in 0..<2 {
                let error = try #require(#expect(throws: PostgresError.self) { try session.query(sql) })
                #expect(!error.description.contains("s3cr"), "\(sql.text)")
                #expect(!"\(error)".contains("värde"), "\(sql.text)")
                #expect(!(error as any Error).localizedDescription.contains("s3cr"), "\(sql.text)")
                #expect(error.statement == sql.text)
                #expect(error.description.contains(error.code?.rawValue ?? "no code"))
            }
        }
    }

    @Test func `the detail is there for who asks for it`() throws {
        var session = try database.open()
        let error = try #require(
            #expect(throws: PostgresError.self) { try session.execute("INSERT INTO item VALUES (2, \(secret))") }
        )
        #expect(error.detail?.contains(secret) == true)
        #expect(error.debugDescription.contains(secret))
        #expect(error.debugDescription.contains("statement: INSERT INTO item VALUES (2, $1)"))
        #expect(error.constraint == "item_name_key")
        #expect((error.schema, error.table) == (database.schema, "item"))
        #expect(
            error.description
                == #"PostgreSQL server 23505: duplicate key value violates unique constraint "item_name_key""#
        )
    }

    @Test func `short values and codes of our own leave the message readable`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) { try session.query("SELECT \("a")::regclass") }
        #expect(error?.description == #"PostgreSQL server 42P01: relation "…" does not exist"#)
        let own = #expect(throws: PostgresError.self) {
            try session.run(
                script: """
                    DO $$ BEGIN
                        RAISE 'the ledger is closed' USING ERRCODE = 'SL001', HINT = 'open it', COLUMN = 'c';
                    END $$
                    """
            )
        }
        #expect(own?.code == SQLState(rawValue: "SL001"))
        #expect(own?.hint == "open it")
        #expect(own?.column == "c")
        #expect(own?.description == "PostgreSQL server SL001: the ledger is closed")
    }

    @Test func `a description is one clean line, whoever wrote the message`() throws {
        let nobody = PostgresConfiguration(server: .keywords(["host": "127.0.0.1", "port": "1", "dbname": "x"]))
        let refused = #expect(throws: PostgresError.self) { _ = try PostgresSession.open(nobody) }
        #expect(
            refused?.description == """
                PostgreSQL connection: connection to server at "127.0.0.1", port 1 failed: Connection refused; \
                Is the server running on that host and accepting TCP/IP connections?
                """
        )
        var session = try database.open()
        let raised = #expect(throws: PostgresError.self) {
            try session.run(script: #"DO $$ BEGIN RAISE E'one:\ttwo\r\n\n  three\u001b[1m\n'; END $$"#)
        }
        #expect(raised?.description == "PostgreSQL server P0001: one: two; three [1m")
    }

    @Test func `notices go to their closure`() throws {
        let notices = NoticeCollector()
        var session = try database.open { $0.onNotice = { notices.add($0) } }
        try session.run(script: "DO $$ BEGIN RAISE WARNING 'mind the gap'; END $$; DROP TABLE IF EXISTS nothing")
        #expect(notices.all.map(\.message) == ["mind the gap", "table \"nothing\" does not exist, skipping"])
        #expect(notices.all.map(\.severity) == ["WARNING", "NOTICE"])
        #expect(notices.all.map { $0.code?.rawValue } == ["01000", "00000"])
    }
}

private final class NoticeCollector: Sendable {
    private let notices = Mutex<[PostgresNotice]>([])

    func add(_ notice: PostgresNotice) { notices.withLock { $0.append(notice) } }

    var all: [PostgresNotice] { notices.withLock { $0 } }
}
