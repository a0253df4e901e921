import Foundation
import Postgres
import Testing

@Suite struct SessionFailureTests {
    private let database: TestDatabase

    init() throws {
        database = try TestDatabase()
        var session = try database.open()
        try session.run(
            script: """
                CREATE TABLE item (id bigint PRIMARY KEY);
                CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                CREATE TABLE doomed (id bigint);
                CREATE CONSTRAINT TRIGGER doom AFTER INSERT ON doomed DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION end_session();
                """
        )
    }

    private func throughProxy(_ fault: TestProxy.Fault) throws -> (TestProxy, PostgresConfiguration) {
        guard case .keywords(var keywords) = database.configuration.server else { throw CancellationError() }
        let proxy = try TestProxy(to: keywords["host"] ?? "", fault: fault)
        keywords["host"] = proxy.directory
        var configuration = database.configuration
        configuration.server = .keywords(keywords)
        return (proxy, configuration)
    }

    private func ids() throws -> [Int] {
        var session = try database.open()
        return try session.query("SELECT id FROM item ORDER BY id").decode(Int.self)
    }

    // MARK: - Lost connections

    @Test func `a session that is ended in its statement is broken, and the outcome of what commits by itself open`()
        throws
    {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.query("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)")
        }
        #expect(error?.code == .adminShutdown)
        #expect(error?.isConnectionLoss == true)
        #expect(error?.isTransient == true)
        #expect(error?.outcome == .unknown)
        #expect(session.isBroken == true)
        let next = #expect(throws: PostgresError.self) { try session.query("SELECT 1") }
        #expect(next?.kind == .connection)
        #expect(next?.outcome == .notApplied)
    }

    @Test func `a session that was ended between statements says so before it sends anything`() throws {
        var session = try database.open()
        var other = try database.open()
        // Waits until the backend is gone, so that its farewell has been sent.
        let ended = try other.query("SELECT pg_terminate_backend(\(session.backendProcessID), 10000)")
        #expect(try ended.decode(Bool.self) == [true])
        let error = #expect(throws: PostgresError.self) { try session.execute("INSERT INTO item VALUES (1)") }
        #expect(error?.isConnectionLoss == true)
        #expect(error?.outcome == .notApplied)
        #expect(session.isBroken == true)
        #expect(try ids() == [])
    }

    @Test func `a connection that dies inside a transaction has applied nothing`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in
                try session.execute("INSERT INTO item VALUES (1)")
                try session.execute("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)")
            }
        }
        #expect(error?.isConnectionLoss == true)
        #expect(error?.outcome == .notApplied)
        #expect(try ids() == [])
    }

    @Test func `a connection that dies in COMMIT leaves the outcome open`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in try session.execute("INSERT INTO doomed VALUES (1)") }
        }
        #expect(error?.isConnectionLoss == true)
        #expect(error?.outcome == .unknown)
        #expect(error?.description.contains("not known") == true)
        #expect(session.isBroken == true)
    }

    @Test func `a COMMIT that was done though its answer was lost has an open outcome too`() throws {
        let (proxy, configuration) = try throughProxy(.closeOnAnswer(to: "COMMIT\0"))
        defer { proxy.stop() }
        var session = try PostgresSession.open(configuration)
        let error = #expect(throws: PostgresError.self) {
            try session.transaction { session in try session.execute("INSERT INTO item VALUES (7)") }
        }
        #expect(error?.kind == .connection)
        #expect(error?.outcome == .unknown)
        #expect(error?.statement == "COMMIT")
        #expect(try ids() == [7])
    }

    // MARK: - Deadlines

    @Test func `a statement that takes too long is cancelled, and the session goes on`() throws {
        var session = try database.open()
        let start = ContinuousClock.now
        let error = #expect(throws: PostgresError.self) {
            try session.query("SELECT pg_sleep(20)", within: .milliseconds(100))
        }
        #expect(start.duration(to: .now) < .seconds(10))
        #expect(error?.kind == .deadline)
        #expect(error?.code == .queryCanceled)
        #expect(error?.outcome == .notApplied)
        #expect(session.isClean == true)
        #expect(try session.query("SELECT 1").count == 1)
    }

    @Test func `a request to cancel that comes late never hits the next statement`() throws {
        var session = try database.open()
        for round in 0..<100 {
            do throws(PostgresError) {
                // Ends at about the time at which it is cancelled: now the one is first, now the other.
                try session.execute("SELECT pg_sleep(0.003)", within: .microseconds(2000 + round * 20))
            } catch {
                #expect(error.kind == .deadline)
            }
            #expect(try session.query("SELECT \(round)").decode(Int.self) == [round])
        }
    }

    @Test func `in a pipeline the deadline is for the whole, and says where it struck`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.pipeline(
                ["INSERT INTO item VALUES (1)", "SELECT pg_sleep(20)", "INSERT INTO item VALUES (2)"],
                within: .milliseconds(200)
            )
        }
        #expect(error?.kind == .deadline)
        #expect(error?.statementIndex == 1)
        #expect(try ids() == [])
    }

    @Test func `the server's own time-out is not taken for ours`() throws {
        var session = try database.open { $0.settings["statement_timeout"] = "50" }
        let error = #expect(throws: PostgresError.self) { try session.query("SELECT pg_sleep(20)") }
        #expect(error?.kind == .server)
        #expect(error?.code == .queryCanceled)
        #expect(session.isClean == true)
    }

    @Test func `a time that is up already sends nothing`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.execute("INSERT INTO item VALUES (1)", within: .zero)
        }
        #expect(error?.kind == .deadline)
        #expect(error?.outcome == .notApplied)
        #expect(try ids() == [])
    }

    @Test func `a server that no longer answers, not even to cancelling, costs the connection and no more`() throws {
        var (proxy, configuration) = try throughProxy(.stall(on: "item"))
        defer { proxy.stop() }
        configuration.cancelGrace = .milliseconds(200)
        var session = try PostgresSession.open(configuration)
        let start = ContinuousClock.now
        let error = #expect(throws: PostgresError.self) {
            try session.execute("INSERT INTO item VALUES (1)", within: .milliseconds(200))
        }
        #expect(start.duration(to: .now) < .seconds(10))
        #expect(error?.kind == .deadline)
        #expect(error?.outcome == .unknown)
        #expect(session.isBroken == true)
    }

    @Test func `COPY has a deadline for each step`() throws {
        var session = try database.open()
        let error = #expect(throws: PostgresError.self) {
            try session.copyOut("COPY (SELECT 1 FROM pg_sleep(20)) TO STDOUT", within: .milliseconds(100)) { _ in }
        }
        #expect(error?.kind == .deadline)
        #expect(session.isClean == true)
    }

    // MARK: - Connecting

    @Test func `a server that takes the connection and says nothing is given up in time`() throws {
        let proxy = try TestProxy(to: "/nowhere", accepts: false)
        defer { proxy.stop() }
        let configuration = PostgresConfiguration(
            server: .keywords(["host": proxy.directory, "user": "postgres"]),
            connectTimeout: .milliseconds(200)
        )
        let error = #expect(throws: PostgresError.self) { _ = try PostgresSession.open(configuration) }
        #expect(error?.kind == .deadline)
    }

    @Test func `no server, no database and a wrong setting are told`() throws {
        let nowhere = PostgresConfiguration(server: .keywords(["host": "/nowhere"]))
        let missing = #expect(throws: PostgresError.self) { _ = try PostgresSession.open(nowhere) }
        #expect(missing?.kind == .connection)
        #expect(missing?.message.contains("/nowhere") == true)
        let noDatabase = try TestCluster.shared.get().configuration(database: "nothing here")
        let refused = #expect(throws: PostgresError.self) { _ = try PostgresSession.open(noDatabase) }
        #expect(refused?.message.contains("nothing here") == true)
        let setting = #expect(throws: PostgresError.self) { _ = try database.open { $0.settings = ["no_such": "1"] } }
        #expect(setting?.kind == .server)
    }

    @Test func `a session has the name and the settings that were asked for`() throws {
        var session = try database.open { configuration in
            configuration.applicationName = "an 'odd' name"
            configuration.settings = ["jit": "off", "work_mem": "5MB", "search_path": "\"a b\", public"]
        }
        let rows = try session.query(
            "SELECT current_setting(name) FROM unnest(\(["application_name", "jit", "work_mem", "search_path", "client_encoding"])) AS name"
        )
        #expect(try rows.decode(String.self) == ["an 'odd' name", "off", "5MB", "\"a b\", public", "UTF8"])
        #expect(session.serverVersion >= PostgresVersion(major: 15, minor: 0))
        #expect(session.backendProcessID > 0)
    }
}
