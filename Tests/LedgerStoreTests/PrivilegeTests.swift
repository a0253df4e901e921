import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct PrivilegeTests {
    private let database = TestDatabase.current

    init() async throws {
        // Privileges on a database do not come with its template; MigratorTests see to it that these are revoked.
        try await database.execute("REVOKE CREATE, TEMPORARY ON DATABASE \"\(database.name)\" FROM PUBLIC")
    }

    @Test func `the auditor reads the audit views`() async throws {
        let views = try await database.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind = 'v'"
        )
        #expect(Set(views.split(separator: "\n")).isSuperset(of: ["message", "shared_with", "delivery"]))
        for view in views.split(separator: "\n") {
            try await database.execute("SELECT count(*) FROM audit.\(view)", as: .auditor)
        }
    }

    @Test func `the auditor sees nothing else and can change nothing`() async throws {
        let tables = try await database.execute(
            """
            SELECT c.oid::regclass
            FROM pg_class AS c
            WHERE c.relnamespace IN ('ledger'::regnamespace, 'projection'::regnamespace, 'delivery'::regnamespace)
                AND c.relkind IN ('r', 'p', 'S', 'v')
            """
        )
        var statements = tables.split(separator: "\n").map { "SELECT * FROM \($0) LIMIT 1" }
        #expect(statements.count > 15)
        statements += [
            "SELECT ledger.ensure_partitions(0)",
            "SELECT ledger.erase_part(0, 0, 'detail')",
            "SELECT projection.prepare_rebuild()",
            "UPDATE audit.message SET type = 'x'",
            "DELETE FROM audit.shared_with",
            "INSERT INTO audit.delivery (state) VALUES ('x')",
            "CREATE TABLE public.mine ()",
            "CREATE TABLE audit.mine ()",
            "CREATE TEMPORARY TABLE mine ()",
            "CREATE SCHEMA mine",
            "SET ROLE shareledger_service",
            "SET ROLE shareledger_owner",
            "SET ROLE shareledger_eraser",
            "SET session_replication_role = replica",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "ALTER VIEW audit.message RENAME TO mine",
            "DROP VIEW audit.message",
        ]
        for statement in statements {
            var session = try database.session(as: .auditor)
            let error = #expect(throws: PostgresError.self, "\(statement)") {
                try session.execute("\(unescaped: statement)")
            }
            let codes: [SQLState] = [.insufficientPrivilege, SQLState(rawValue: "55000")]
            #expect(
                error.map { codes.contains($0.code ?? .syntaxError) } == true,
                "\(statement): \(String(describing: error))"
            )
        }
    }

    @Test func `the service inserts into the ledger and can do nothing else to it`() async throws {
        let statements = [
            "UPDATE ledger.event SET status = 1", "DELETE FROM ledger.event", "TRUNCATE ledger.event",
            "UPDATE ledger.payload SET content = ''", "DELETE FROM ledger.payload", "TRUNCATE ledger.payload",
            "DELETE FROM ledger.payload_000000", "INSERT INTO ledger.event_000000 DEFAULT VALUES",
            "UPDATE ledger.stream SET name = 'system'", "DELETE FROM ledger.share",
            "UPDATE ledger.epoch SET name = 'x'",
            "DELETE FROM ledger.access_key", "UPDATE ledger.access_key SET sealed = ''",
            "INSERT INTO ledger.migration (path, checksum) VALUES ('x', 'x')", "DELETE FROM ledger.migration",
            "ALTER TABLE ledger.event DISABLE TRIGGER ALL", "DROP TABLE ledger.event", "CREATE TABLE ledger.mine ()",
            "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
            "CREATE TABLE public.mine ()", "CREATE TEMPORARY TABLE mine ()",
            "SET ROLE shareledger_owner", "SET ROLE shareledger_eraser", "SET session_replication_role = replica",
            "COPY (SELECT 1) TO PROGRAM 'true'",
        ]
        for statement in statements {
            var session = try database.session(as: .service)
            let error = #expect(throws: PostgresError.self, "\(statement)") {
                try session.execute("\(unescaped: statement)")
            }
            #expect(error?.code == .insufficientPrivilege, "\(statement): \(String(describing: error))")
        }
    }

    @Test func `the service may do all that it does, an old idempotency key's replacement included`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.invitation("a1"))
            _ = try await store.answer(.deskSets("accepted", of: "a1", with: "partner"))
            _ = try await store.answer(.share("t1", under: "a1"))
            let first = TestRequest.update("t1", under: "a1", #"{"status":"x"}"#).with("Idempotency-Key", "k")
            let other = TestRequest.update("t1", under: "a1", #"{"status":"y"}"#).with("Idempotency-Key", "k")
            #expect(try await store.answer(first).status == 200)
            #expect(try await store.answer(other).status == 422)
            try await database.execute(
                "UPDATE ledger.idempotency_key SET recorded_at = now() - interval '7 days 1 second'",
                as: .service
            )
            #expect(try await store.answer(other).status == 200)
            #expect(try await store.answer(other).isRepeat)
            #expect(try await store.answer(first).status == 422)
        }
    }

    @Test func `roles are made where there are none, and made right where something is missing`() async throws {
        let file = try #require(SchemaFile.all.first { $0.kind == "roles" })
        // Everything is there: for the owner, who may grant nothing, it is a matter of looking.
        try await database.execute(file.text, as: .owner)
        try await database.execute(file.text, as: .administrator)
        let member = "SELECT pg_has_role('shareledger_owner', 'shareledger_eraser', 'MEMBER WITH ADMIN OPTION')"
        #expect(try await database.execute(member) == "t\n")
    }

    @Test func `whoever may only connect cannot take the ledger's lock, and nobody else may connect`() async throws {
        let file = try #require(SchemaFile.all.first { $0.kind == "roles" })
        let names = ["pg_advisory_lock(bigint)", "pg_try_advisory_xact_lock(bigint)", "lo_create(oid)"]
        // As on a server that is not the private one.
        for name in names { try await database.execute("GRANT EXECUTE ON FUNCTION \(name) TO PUBLIC") }
        try await database.execute(file.text, as: .owner)
        try await database.execute("SELECT pg_try_advisory_xact_lock(1)", as: .auditor)
        try await database.execute(file.text, as: .administrator)
        for name in names {
            let may = """
                SELECT has_function_privilege(r, '\(name)', 'EXECUTE')
                FROM unnest('{shareledger_auditor,public}'::text[]) AS r
                """
            #expect(try await database.execute(may) == "f\nf\n", "\(name)")
        }
        try await database.execute("SELECT pg_try_advisory_xact_lock(1)", as: .service)
        // A copy of a database has not its privileges.
        let privileges = try #require(SchemaFile.all.first { $0.kind == "privileges" })
        try await database.execute(privileges.text, as: .owner)
        let connect = """
            SELECT has_database_privilege(r, current_database(), 'CONNECT')
            FROM unnest('{public,shareledger_service,shareledger_auditor}'::text[]) AS r
            """
        #expect(try await database.execute(connect) == "f\nt\nt\n")
    }
}
