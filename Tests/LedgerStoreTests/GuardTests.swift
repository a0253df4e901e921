import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct GuardTests {
    private let database = TestDatabase.current

    private static let tables = ["epoch", "stream", "share", "event", "payload", "access_key"]
    private static let partitions = ["event_000000", "payload_000000"]

    init() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.invitation("a1"))
            _ = try await store.answer(.deskSets("accepted", of: "a1", with: "partner"))
            _ = try await store.answer(.share("t1", under: "a1"))
        }
    }

    @Test(arguments: tables + partitions, [false, true])
    func `nobody changes, deletes or truncates what stands in the ledger`(table: String, isReplica: Bool) throws {
        let column = table.hasPrefix("payload") ? "content" : table.hasPrefix("event") ? "status" : nil
        let names = ["epoch": "name", "stream": "name", "share": "ticket", "access_key": "sealed"]
        let name = column ?? names[table] ?? ""
        let changes = [
            "UPDATE ledger.\(table) SET \(name) = \(name)",
            "DELETE FROM ledger.\(table)",
            "TRUNCATE ledger.\(table) CASCADE",
        ]
        let before = try counts()
        for role in [ClusterRole.owner, .administrator] {
            // The settings of a session that replicates switch ordinary triggers off; only a superuser may have them.
            guard role == .administrator || !isReplica else { continue }
            for change in changes {
                var session = try database.session(as: role)
                if isReplica { try session.execute("SET session_replication_role = replica") }
                let error = #expect(throws: PostgresError.self) { try session.execute("\(unescaped: change)") }
                #expect(error?.code == SQLState(rawValue: "SL001"), "\(role) \(change): \(String(describing: error))")
            }
        }
        #expect(try counts() == before)
    }

    @Test func `inserting again, copying over and merging change nothing either`() throws {
        var session = try database.session(as: .owner)
        let changes = [
            """
            INSERT INTO ledger.access_key SELECT * FROM ledger.access_key
            ON CONFLICT (stream_id, version) DO UPDATE SET sealed = ''
            """,
            """
            MERGE INTO ledger.stream AS s USING (VALUES (1)) AS v ON true
            WHEN MATCHED THEN UPDATE SET name = 'unattributed'
            """,
            "UPDATE ledger.event SET position = position + 10000000 WHERE position = 2",
        ]
        for change in changes {
            let error = #expect(throws: PostgresError.self) { try session.execute("\(unescaped: change)") }
            #expect(error?.code == SQLState(rawValue: "SL001"))
        }
    }

    /// The share's first message again, as a second one; each line takes one thing away from what makes it sound.
    @Test(
        arguments: [
            ("", true),
            (#""position": -1"#, false),
            (#""stream_seq": -1"#, false),
            (#""stream_seq": 0"#, false),
            (#""stream_prev": null"#, false),
            (#""stream_prev": "\\x00""#, false),
            (#""share_seq": null, "share_prev": null"#, false),
            (#""share_seq": -1"#, false),
            (#""share_seq": 0"#, false),
            (#""share_id": null, "share_seq": null"#, false),
            (#""share_prev": null"#, false),
            (#""share_prev": "\\x00""#, false),
            (#""attempt": 0"#, false),
            (#""status": 99"#, false),
            (#""format": 0"#, false),
            (#""direction": "up""#, false),
            (#""leaf_hash": "\\x00""#, false),
            (#""part_names": [], "part_lengths": [], "part_commitments": []"#, false),
            (#""part_lengths": [1]"#, false),
            (#""part_commitments": []"#, false),
        ]
    )
    func `an event whose columns do not fit each other is not taken`(change: String, isSound: Bool) throws {
        var session = try database.session()
        let hash = #"\\x"# + String(repeating: "00", count: 32)
        let second = """
            {"position": 1000, "event_id": "00000000-0000-7000-8000-000000000000", "stream_seq": 1000, "share_seq": 1000,
            "stream_prev": "\(hash)", "share_prev": "\(hash)"}
            """
        try session.execute("BEGIN")
        let insert: SQL = """
            INSERT INTO ledger.event
            SELECT (jsonb_populate_record(e, \(second)::jsonb || \("{\(change)}")::jsonb)).*
            FROM ledger.event AS e
            WHERE e.type = 'ticket.shared'
            """
        if isSound {
            #expect(try session.execute(insert) == 1)
        } else {
            let error = #expect(throws: PostgresError.self) { try session.execute(insert) }
            #expect(error?.code == .checkViolation, "\(String(describing: error))")
        }
    }

    @Test func `partitions that are made later are guarded like the first`() async throws {
        var session = try database.session()
        let limit = try session.query("SELECT ledger.ensure_partitions(25000000)").onlyRow()[0, as: Int64.self]
        #expect(limit == 40_000_000)
        #expect(try session.query("SELECT ledger.ensure_partitions(25000000)").onlyRow()[0, as: Int64.self] == limit)
        for position in ["30000000", "9223372036854775807", "-1", "NULL"] {
            let error = #expect(throws: PostgresError.self, "\(position)") {
                try session.query("SELECT ledger.ensure_partitions(\(unescaped: position))")
            }
            #expect(error?.code == SQLState(rawValue: "SL003"))
        }
        let count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger.event'::regclass"
        let made = try await database.execute(count)
        #expect(made == "4\n")
        let unguarded = try await database.execute(
            """
            SELECT c.oid::regclass
            FROM pg_class AS c
            WHERE c.relnamespace = 'ledger'::regnamespace
                AND c.relname ~ '^(event|payload)_[0-9]+$'
                AND (
                    SELECT count(*)
                    FROM pg_trigger AS t
                    WHERE t.tgrelid = c.oid
                        AND t.tgname IN ('refuse_change', 'refuse_truncate')
                        AND t.tgenabled = 'A'
                ) <> 2
            """
        )
        #expect(unguarded.isEmpty)
        var owner = try database.session(as: .owner)
        let error = #expect(throws: PostgresError.self) { try owner.execute("TRUNCATE ledger.payload_000003") }
        #expect(error?.code == SQLState(rawValue: "SL001"))
        // Each partition has the same indexes and columns as the first.
        let shapes = try await database.execute(
            """
            SELECT count(DISTINCT shape)
            FROM (
                SELECT left(c.relname, 5) AS kind,
                    (
                        SELECT string_agg(regexp_replace(pg_get_indexdef(i.indexrelid), '_00000[0-9]', '', 'g'), ';'
                            ORDER BY regexp_replace(pg_get_indexdef(i.indexrelid), '_00000[0-9]', '', 'g'))
                        FROM pg_index AS i
                        WHERE i.indrelid = c.oid
                    ) AS shape
                FROM pg_class AS c
                WHERE c.relnamespace = 'ledger'::regnamespace
                    AND c.relname ~ '^(event|payload)_[0-9]+$'
            ) AS shapes
            """
        )
        #expect(shapes.hasPrefix("2"))
    }

    @Test func `bodies are compressed with lz4, and salts stay beside the row`() async throws {
        let found = try await database.execute(
            """
            SELECT attname, attcompression, attstorage
            FROM pg_attribute
            WHERE attrelid = 'ledger.payload_000000'::regclass
                AND attname IN ('content', 'salt')
            ORDER BY attname
            """
        )
        #expect(found == "content|l|x\nsalt||p\n")
    }

    private func counts() throws -> [Int64] {
        var session = try database.session()
        return try Self.tables.map { table in
            try session.query("SELECT count(*) FROM ledger.\(identifier: table)").onlyRow()[0, as: Int64.self]
        }
    }
}
