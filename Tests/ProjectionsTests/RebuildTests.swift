import Foundation
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Projections
import Synchronization
import TestSupport
import Testing
import TicketSharing

@Suite(.ledger)
struct RebuildTests {
    static let crimes: [(sql: String, table: Difference.Table, kind: String)] = [
        ("UPDATE projection.ticket SET subject = 'other' WHERE share_id = $share", .ticket, "differs in subject"),
        ("UPDATE projection.ticket SET state = '{}' WHERE share_id = $share", .ticket, "differs in state"),
        ("UPDATE projection.ticket SET shared = NOT shared WHERE share_id = $share", .ticket, "differs in shared"),
        ("DELETE FROM projection.ticket WHERE share_id = $share", .ticket, "is missing"),
        ("TRUNCATE projection.ticket", .ticket, "is missing"),
        (
            """
            INSERT INTO projection.ticket (
                share_id, last_position, comment_count, public_comment_count, shared, ticket, state)
            VALUES (-7, 3, 0, 0, true, 'x', '{}')
            """, .ticket, "is not in the ledger"
        ),
        ("UPDATE projection.comment SET body = 'other' WHERE share_id = $share", .comment, "differs in body"),
        ("UPDATE projection.comment SET public = NOT public WHERE share_id = $share", .comment, "differs in public"),
        ("DELETE FROM projection.comment WHERE share_id = $share", .comment, "is missing"),
        (
            """
            INSERT INTO projection.comment (share_id, position, ordinal, public, erased, comment, state)
            VALUES ($share, 3, 99, true, false, 'x', '{}')
            """, .comment, "is not in the ledger"
        ),
        ("UPDATE projection.ticket_head SET shared = NOT shared", .ticketHead, "differs in shared"),
        (
            "UPDATE projection.ticket_head SET status = 'other' WHERE share_id = $share", .ticketHead,
            "differs in status"
        ),
        (
            "UPDATE projection.ticket_head SET last_position = last_position + 1", .ticketHead,
            "differs in last_position"
        ),
        ("DELETE FROM projection.ticket_head", .ticketHead, "is missing"),
        (
            """
            INSERT INTO projection.ticket_head SELECT -1, last_position, last_recorded_at, last_event_id, last_status,
                shared, status, last_digest FROM projection.ticket_head LIMIT 1
            """, .ticketHead, "is not in the ledger"
        ),
        ("UPDATE projection.agreement SET status = 'declined'", .agreement, "differs in status"),
        ("UPDATE projection.agreement SET our_role = 'sender'", .agreement, "differs in our_role"),
        (
            "UPDATE projection.agreement SET receiver_url = 'https://evil.example'", .agreement,
            "differs in receiver_url"
        ),
        ("UPDATE projection.agreement SET sync_tags = NOT sync_tags", .agreement, "differs in sync_tags"),
        (
            "UPDATE projection.agreement SET key_fingerprint = decode(repeat('00', 32), 'hex')", .agreement,
            "differs in key_fingerprint"
        ),
        ("DELETE FROM projection.agreement", .agreement, "is missing"),
        (
            "INSERT INTO projection.agreement SELECT (a).* FROM (SELECT json_populate_record(a, '{\"stream_id\":-3,\"agreement\":\"x\"}') AS a FROM projection.agreement AS a LIMIT 1) AS a",
            .agreement, "is not in the ledger"
        ),
        ("UPDATE projection.partner SET base_url = 'https://evil.example'", .partner, "differs in base_url"),
        ("UPDATE projection.partner SET allow_private_address = true", .partner, "differs in allow_private_address"),
        ("DELETE FROM projection.partner", .partner, "is missing"),
    ]

    @Test(arguments: crimes.indices)
    func `a row that was tampered with is found by verify and mended by rebuild`(index: Int) async throws {
        let crime = Self.crimes[index]
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 10, messageCount: 25)
        let ledger = generated.ledger
        try await ledger.follow()
        #expect(try await ledger.verify().differences.first == [])
        let before = try await ledger.dump()
        let share = try await ledger.database.execute(
            "SELECT share_id FROM projection.ticket WHERE comment_count > 0 AND subject IS NOT NULL LIMIT 1"
        )
        let sql = crime.sql.replacing("$share", with: share.trimmingCharacters(in: .whitespacesAndNewlines))
        try await ledger.tamper(sql)
        #expect(try await ledger.dump() != before)
        let report = try await ledger.verify()
        #expect(report.differences.count > 0)
        #expect(report.differences.first.contains { $0.table == crime.table && "\($0)".contains(crime.kind) })
        let rebuilt = try await ledger.rebuild()
        #expect(rebuilt.isSwapped)
        #expect(rebuilt.differences.first.contains { $0.table == crime.table })
        #expect(try await ledger.dump() == before)
        #expect(try await ledger.verify().differences.first == [])
    }

    @Test func `a rebuild of what is right changes nothing and mends nothing`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 11, messageCount: 60)
        try await generated.ledger.follow()
        let before = try await generated.ledger.dump()
        let report = try await generated.ledger.rebuild()
        #expect(report.differences.isEmpty && report.mendedCount == 0 && report.faults == [])
        #expect(report.isSwapped)
        #expect(report.eventCount == generated.messages.count)
        #expect(try await generated.ledger.dump() == before)
    }

    @Test func `differences that are not accepted are reported and the live tables stay`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 12, messageCount: 20)
        try await generated.ledger.follow()
        try await generated.ledger.tamper(
            "UPDATE projection.ticket SET subject = 'other'; DELETE FROM projection.ticket_head"
        )
        let before = try await generated.ledger.dump()
        let report = try await generated.ledger.rebuild(acceptsDifferences: false)
        #expect(!report.isSwapped && report.mendedCount == 0)
        #expect(report.differences.count > 0)
        #expect(try await generated.ledger.dump() == before)
        let schemas = try await generated.ledger.database.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'projection_%'"
        )
        #expect(schemas == "0\n")
    }

    @Test func `projections that are lost altogether, position and all, come back`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 13, messageCount: 40)
        try await generated.ledger.follow()
        let before = try await generated.ledger.dump()
        try await generated.ledger.tamper(
            """
            TRUNCATE projection.partner, projection.agreement, projection.ticket_head, projection.ticket, projection.comment;
            UPDATE projection.follower SET next_position = 0;
            """
        )
        let report = try await generated.ledger.rebuild()
        #expect(report.isSwapped)
        var after = try await generated.ledger.dump()
        // A rebuild goes to the ledger's end, the follower to the last event that it looked at: the same here.
        #expect(after.removeValue(forKey: "follower") == before["follower"])
        for (table, rows) in after {
            #expect(rows == before[table], "\(table)")
        }
    }

    @Test(arguments: [1, 20_000])
    func `a position beyond the ledger's end is put right, however far it is`(distance: Int64) async throws {
        var generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 14, messageCount: 20)
        try await generated.ledger.follow()
        try await generated.ledger.tamper("UPDATE projection.follower SET next_position = next_position + \(distance)")
        #expect(try await generated.ledger.rebuild().isSwapped)
        try await generated.extend(by: 5)
        try await generated.ledger.follow()
        #expect(try await generated.ledger.verify().differences.first == [])
    }

    @Test(arguments: [
        ("DELETE FROM ledger.access_key", AccessKeyFault.Kind.missing),
        ("UPDATE ledger.access_key SET fingerprint = sha256(fingerprint)", .fingerprint),
        ("UPDATE ledger.access_key SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20))", .sealed),
    ])
    func `what happens to the access keys is told, and locks nobody out`(crime: String, kind: AccessKeyFault.Kind)
        async throws
    {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 15, messageCount: 5)
        let ledger = generated.ledger
        try await ledger.follow()
        let keys = ledger.keys
        let sound = try await ledger.session { session in try AccessKeyAudit.faults(keys, in: &session) }
        #expect(sound == [])
        let before = try await ledger.dump()["agreement"]
        try await ledger.meddle(crime)
        let faults = try await ledger.session { session in try AccessKeyAudit.faults(keys, in: &session) }
        #expect(faults.map(\.kind) == Array(repeating: kind, count: 4))
        #expect(faults.map(\.agreement).sorted() == (0..<4).map { "agreement-\($0)" })
        #expect(try await ledger.verify().differences.first == [], "no projection is wrong")
        #expect(try await ledger.rebuild().isSwapped)
        #expect(try await ledger.dump()["agreement"] == before)
        // Also where the row itself is lost.
        guard kind == .fingerprint else { return }
        try await ledger.tamper("TRUNCATE projection.agreement")
        _ = try await ledger.rebuild()
        let after = try await ledger.dump()["agreement"]
        #expect(after == before)
    }

    @Test func `views, privileges, comments and storage parameters outlive the swap`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 14, messageCount: 20)
        let ledger = generated.ledger
        try await ledger.follow()
        try await ledger.tamper(
            """
            CREATE VIEW audit.subject WITH (security_barrier = true) AS
            SELECT t.share_id, t.subject, count(c.comment) AS comments
            FROM projection.ticket AS t
            LEFT JOIN projection.comment AS c ON c.share_id = t.share_id
            GROUP BY t.share_id, t.subject;
            COMMENT ON VIEW audit.subject IS 'what it is';
            GRANT SELECT ON audit.subject TO shareledger_auditor;
            GRANT SELECT (share_id) ON projection.ticket TO shareledger_auditor WITH GRANT OPTION;
            CREATE INDEX ticket_status ON projection.ticket (status) WHERE shared;
            """
        )
        let shape = """
            SELECT c.relname, c.reloptions, c.relacl::text, obj_description(c.oid, 'pg_class'),
                (SELECT array_agg(concat_ws(' ', a.attname, a.atttypid::regtype, a.attnotnull, a.attcompression, a.attacl::text,
                    col_description(c.oid, a.attnum)) ORDER BY a.attnum)
                FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0),
                (SELECT array_agg(pg_get_indexdef(i.indexrelid) ORDER BY 1) FROM pg_index AS i WHERE i.indrelid = c.oid),
                (SELECT array_agg(concat(k.conname, pg_get_constraintdef(k.oid)) ORDER BY k.conname)
                FROM pg_constraint AS k WHERE k.conrelid = c.oid)
            FROM pg_class AS c
            WHERE c.relnamespace IN ('projection'::regnamespace, 'audit'::regnamespace)
            ORDER BY c.relname, c.relkind
            """
        let before = try await ledger.database.execute(shape)
        let shown = try await ledger.database.execute("SELECT * FROM audit.subject ORDER BY 1", as: .auditor)
        try await ledger.tamper("UPDATE projection.ticket SET subject = 'other'")
        #expect(try await ledger.rebuild().isSwapped)
        #expect(try await ledger.database.execute(shape) == before)
        #expect(try await ledger.database.execute("SELECT * FROM audit.subject ORDER BY 1", as: .auditor) == shown)
    }

    @Test func `what keeps the old tables from going stops the swap and leaves them as they were`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 15, messageCount: 10)
        let ledger = generated.ledger
        try await ledger.follow()
        try await ledger.tamper("CREATE MATERIALIZED VIEW audit.kept AS SELECT share_id FROM projection.ticket")
        let before = try await ledger.dump()
        await #expect(throws: PostgresError.self) { try await ledger.rebuild() }
        #expect(try await ledger.dump() == before)
        try await ledger.tamper("DROP MATERIALIZED VIEW audit.kept")
        #expect(try await ledger.rebuild().isSwapped)
    }

    @Test func `a rebuild whose sessions are killed leaves the live tables alone, and the next one succeeds`()
        async throws
    {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 16, messageCount: 30)
        let ledger = generated.ledger
        try await ledger.follow()
        let before = try await ledger.dump()
        let database = ledger.database
        let kills = Mutex<[Task<Void, any Error>]>([])
        // Whether a kill is in time is the race that is tested.
        _ = try? await ledger.rebuild { _ in
            // Not awaited here: the session that reports is one of those that end.
            let kill = Task<Void, any Error> {
                try await database.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE application_name = 'shareledger rebuild' AND datname = current_database()
                    """
                )
            }
            kills.withLock { $0.append(kill) }
        }
        for kill in kills.withLock({ $0 }) {
            _ = await kill.result
        }
        #expect(try await ledger.dump() == before)
        #expect(try await ledger.rebuild().isSwapped)
        #expect(try await ledger.dump() == before)
    }

    @Test func `only one rebuild runs at a time`() async throws {
        let generated = try await GeneratedLedger(seed: SeededGenerator.seed &+ 17, messageCount: 5)
        let ledger = generated.ledger
        let connection = try await PostgresConnection.open(ledger.database.configuration(as: .owner))
        _ = try await connection.query("SELECT pg_advisory_lock(\(0x7368_6172_6562_6c64 as Int64))")
        await #expect(throws: RebuildFault.alreadyRunning) { try await ledger.rebuild() }
        await connection.close()
    }
}
