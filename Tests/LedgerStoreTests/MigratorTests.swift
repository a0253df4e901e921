import LedgerStore
import Postgres
import PostgresCluster
import TestSupport
import Testing

@Suite(.database) struct MigratorTests {
    private let database = TestDatabase.current

    @Test func `an empty database gets everything, and the second time there is nothing to do`() throws {
        var session = try database.session(as: .owner)
        #expect(try Migrator.pending(in: &session) == SchemaFile.all.map(\.path))
        let first = try Migrator.migrate(in: &session)
        #expect(first.migrations == SchemaFile.all.filter { $0.kind == "migrations" }.map(\.path).sorted())
        #expect(Set(first.objects) == Set(SchemaFile.all.filter { $0.kind != "migrations" }.map(\.path)))
        #expect(try Migrator.pending(in: &session).isEmpty)
        #expect(try Migrator.migrate(in: &session).isEmpty)
        for role in ["service", "auditor"] {
            let name = "shareledger_\(role)"
            let may = try session.query(
                "SELECT has_database_privilege(\(name), current_database(), 'CREATE, TEMPORARY')"
            )
            #expect(try may.onlyRow()[0, as: Bool.self] == false)
        }
    }

    @Test func `a migration that was changed is an error that names it`() throws {
        var session = try database.session(as: .owner)
        _ = try Migrator.migrate(in: &session)
        let changed = SchemaFile.all.map { file in
            file.path.hasSuffix("0002_guards.sql") ? SchemaFile(path: file.path, text: file.text + "\n-- later") : file
        }
        let faults = faults(&session, changed)
        #expect(faults.allSatisfy { $0.contains("schema/migrations/0002_guards.sql is not the file") })
        #expect(try Migrator.migrate(in: &session).isEmpty)
    }

    @Test func `a migration that this program does not have is an error that names it`() throws {
        var session = try database.session(as: .owner)
        _ = try Migrator.migrate(in: &session)
        let fewer = SchemaFile.all.filter { !$0.path.hasSuffix("0004_delivery.sql") }
        let faults = faults(&session, fewer)
        #expect(faults.allSatisfy { $0.contains("had schema/migrations/0004_delivery.sql applied") })
    }

    @Test func `a migration that fails leaves nothing of itself, and is named`() throws {
        var session = try database.session(as: .owner)
        _ = try Migrator.migrate(in: &session)
        let broken = SchemaFile(
            path: "migrations/9999_broken.sql",
            text: "CREATE TABLE ledger.half (); SELECT no_such_function();",
        )
        let fault = #expect(throws: Migrator.Fault.self) { try migrate(&session, SchemaFile.all + [broken]) }
        #expect(fault?.description.contains("schema/migrations/9999_broken.sql could not be applied") == true)
        #expect(try session.query("SELECT to_regclass('ledger.half') IS NULL").onlyRow()[0, as: Bool.self])
        #expect(try Migrator.migrate(in: &session).isEmpty)
    }

    @Test func `what waited before replays were jobs waits on, each by its kind`() throws {
        var session = try database.session(as: .owner)
        let old = SchemaFile.all.filter { $0.kind == "migrations" && $0.path < "migrations/0009" }
        _ = try Migrator.migrate(in: &session, files: old)
        try session.run(
            script: """
                INSERT INTO delivery.replay (replay_id, mode, reason, operator, requested_at, item_count)
                VALUES (7, 'state', 'test', 'tester', now(), 1);
                INSERT INTO delivery.queue (
                    partner_id, stream_id, queue_position, message_position, message_id, replay_id, enqueued_at, due_at,
                    tries, is_head, is_barrier, kind)
                SELECT 1, 2, q.position, q.position, gen_random_uuid(), q.replay, now(), now(), q.tries, q.position = 3, true,
                    'message'
                FROM (VALUES (3, NULL, 0), (4, NULL, 2), (7, 7, 1)) AS q (position, replay, tries);
                """
        )
        _ = try Migrator.migrate(in: &session)
        let sources = try session.query(
            "SELECT string_agg(source::text, ' ' ORDER BY queue_position) FROM delivery.queue"
        )
        #expect(try sources.onlyRow()[0, as: String.self] == "-2 -1 7")
        let replay = try session.query(
            "SELECT concat_ws(' ', destination, prepared_until IS NULL AND NOT paused AND finished_at IS NULL) FROM delivery.replay"
        )
        #expect(try replay.onlyRow()[0, as: String.self] == "partner t")
        #expect(try session.query("SELECT count(*) FROM delivery.destination").onlyRow()[0, as: Int64.self] == 0)
    }

    @Test func `an object that was changed is applied again with its privileges, and only named once`() throws {
        var session = try database.session(as: .owner)
        _ = try Migrator.migrate(in: &session)
        let path = "views/audit.message.sql"
        let changed = SchemaFile.all.map { $0.path == path ? SchemaFile(path: path, text: $0.text + "\n-- later") : $0 }
        #expect(try migrate(&session, changed).objects == [path])
        #expect(try migrate(&session, changed).isEmpty)
        var auditor = try database.session(as: .auditor)
        #expect(try auditor.query("SELECT * FROM audit.message").isEmpty)
    }

    @Test(.tags(.concurrency)) func `of several that migrate at once one does it and the others wait`() async throws {
        let database = database
        let reports = try await withThrowingTaskGroup(of: Migrator.Report.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let connection = try await PostgresConnection.open(database.configuration(as: .owner))
                    return try await connection.withSession { session in try Migrator.migrate(in: &session) }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(reports.filter { !$0.isEmpty }.count == 1)
    }

    @Test func `a database of another encoding is refused`() async throws {
        try await database.execute(
            "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        try await database.execute("GRANT ALL ON DATABASE latin TO shareledger_owner")
        var parameters = database.parameters(as: .owner)
        parameters["dbname"] = "latin"
        do {
            var session = try PostgresSession.open(PostgresConfiguration(server: .keywords(parameters)))
            let fault = #expect(throws: Migrator.Fault.self) { try migrate(&session, SchemaFile.all) }
            #expect(fault?.description.contains("is encoded in LATIN1") == true)
        }
        try await database.execute("DROP DATABASE latin WITH (FORCE)")
    }

    private func migrate(_ session: inout PostgresSession, _ files: [SchemaFile]) throws -> Migrator.Report {
        try Migrator.migrate(in: &session, files: files)
    }

    /// What both migrating and looking what there is to migrate say.
    private func faults(_ session: inout PostgresSession, _ files: [SchemaFile]) -> [String] {
        let migrating = #expect(throws: Migrator.Fault.self) { try migrate(&session, files) }
        let looking = #expect(throws: Migrator.Fault.self) { try Migrator.pending(in: &session, files: files) }
        return [migrating, looking].map { $0?.description ?? "" }
    }
}
