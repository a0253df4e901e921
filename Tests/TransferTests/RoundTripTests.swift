import Ledger
import LedgerStore
import Linux
import Postgres
import PostgresCluster
import Projections
import Sharing
import TestRequests
import TestSupport
import Testing
import Transfer

/// A ledger that was exported and imported is the same up to its head, and goes on from there.
@Suite(.schema) struct RoundTripTests {
    private let source = TestDatabase.current

    @Test func `everything is there again, row by row`() async throws {
        try await source.fill()
        let bytes = try source.exported()
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            let size = try source.number("SELECT max(position) + 1 FROM ledger.event")
            #expect(report.eventCount == size)
            #expect(report.muteAgreements == [])
            #expect(report.erasedCount == 2)
            for (name, query) in Self.same(before: size) {
                let (expected, found) = (try source.rows(query), try target.rows(query))
                #expect(!expected.isEmpty, "\(name) has no rows to be compared")
                #expect(found == expected, "\(name)")
            }
            #expect(
                try target.number(
                    "SELECT count(*) FROM projection.follower WHERE next_position = (SELECT max(position) + 1 FROM ledger.event)"
                ) == 1
            )
            try await target.check()
        }
    }

    /// What must be equal, with what a new epoch changes on purpose left out.
    private static func same(before size: Int64) -> [(String, String)] {
        // Heads before our desk are parked, and attempts that were under way have ended.
        let queue = """
            SELECT q.delivery_id, q.partner_id, q.stream_id, q.share_id, q.queue_position, q.item, q.message_position,
                q.message_id, q.replay_id, q.enqueued_at, q.due_at, q.attempts, q.tries, q.is_head, q.is_barrier, q.kind,
                q.state, q.reason
            FROM delivery.queue AS q
            WHERE (q.partner_id <> 0 OR NOT q.is_head)
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS e
                    WHERE e.about = q.message_id
                        AND e.type = 'attempt.begun'
                )
            """
        return [
            ("ledger.epoch", "SELECT * FROM ledger.epoch WHERE first_position < \(size)"),
            ("ledger.stream", "SELECT * FROM ledger.stream"),
            ("ledger.share", "SELECT * FROM ledger.share"),
            ("ledger.event", "SELECT * FROM ledger.event WHERE position < \(size)"),
            ("ledger.payload", "SELECT * FROM ledger.payload WHERE position < \(size)"),
            ("ledger.access_key", "SELECT * FROM ledger.access_key"),
            ("ledger.idempotency_key", "SELECT * FROM ledger.idempotency_key"),
            ("projection.partner", "SELECT (to_jsonb(p) - 'paused')::text FROM projection.partner AS p"),
            ("projection.agreement", "SELECT * FROM projection.agreement"),
            ("projection.ticket_head", "SELECT * FROM projection.ticket_head"),
            ("projection.ticket", "SELECT * FROM projection.ticket"),
            ("projection.comment", "SELECT * FROM projection.comment"),
            ("delivery.replay", "SELECT (to_jsonb(r) - 'paused')::text FROM delivery.replay AS r"),
            ("delivery.setting", "SELECT * FROM delivery.setting"),
            ("delivery.destination", "SELECT (to_jsonb(d) - 'canary')::text FROM delivery.destination AS d"),
            ("delivery.queue", queue),
            ("audit.message", "SELECT * FROM audit.message WHERE position < \(size)"),
            ("audit.shared_with", "SELECT * FROM audit.shared_with"),
            ("audit.agreement", "SELECT * FROM audit.agreement"),
            ("audit.ticket", "SELECT * FROM audit.ticket"),
            ("audit.ticket_history", "SELECT * FROM audit.ticket_history"),
            ("audit.agreement_history", "SELECT * FROM audit.agreement_history"),
            ("audit.comment", "SELECT * FROM audit.comment"),
            ("audit.actor", "SELECT * FROM audit.actor"),
            ("audit.disclosure", "SELECT * FROM audit.disclosure"),
            ("audit.refusal", "SELECT * FROM audit.refusal"),
            ("audit.erasure", "SELECT * FROM audit.erasure"),
            ("audit.attempt", "SELECT * FROM audit.attempt WHERE outcome = 'succeeded'"),
            ("audit.operation", "SELECT * FROM audit.operation WHERE position < \(size)"),
            (
                "audit.delivery",
                "SELECT * FROM audit.delivery WHERE state = 'behind another' AND destination = 'partner'"
            ),
        ]
    }

    @Test func `partitions are made as the import goes on`() async throws {
        try await source.fill(requestCount: 2500)
        let bytes = try source.exported()
        try await source.withTarget { target in
            let function = try #require(SchemaFile.all.first { $0.path == "functions/ledger.ensure_partitions.sql" })
            try await target.execute(function.text.replacing("10000000", with: "1000"), as: .owner)
            let report = try target.importing(bytes)
            #expect(report.eventCount > 2500)
            let partitions = try target.number("SELECT count(DISTINCT tableoid) FROM ledger.event")
            #expect(partitions == (report.eventCount + 1) / 1000 + 1)
            try await target.check()
        }
    }

    @Test func `every column of every table is exported or left out on purpose`() async throws {
        try await source.fill(requestCount: 0)
        let bytes = try source.exported()
        var session = try source.session(as: .owner)
        let left: Set = ["stream.agreement", "queue.source", "destination.canary", "setting.only_row"]
        let file = try ExportFile(bytes)
        for (number, table) in ExportedTables.names where number != 11 {
            let (schema, name) = (String(table.prefix { $0 != "." }), String(table.drop { $0 != "." }.dropFirst()))
            let columns = try session.query(
                """
                SELECT column_name::text
                FROM information_schema.columns
                WHERE table_schema = \(schema) AND table_name = \(name)
                """
            ).decode((String).self).filter { !left.contains("\(name).\($0)") }
            let block = try #require(file.blocks.first { $0.table == number }, "\(table) is not exported")
            #expect(ExportFile.rows(block.payload).first?.count == columns.count, "\(table)")
        }
        let tables = try source.rows(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('ledger', 'projection', 'delivery') AND table_name !~ '_[0-9]{6}$'"
        )
        let derived = [
            "ledger.epoch", "ledger.migration", "projection.ticket", "projection.comment", "projection.unfolded",
            "projection.follower", "projection.inline_version", "delivery.pace", "delivery.worker",
        ]
        #expect(tables == (ExportedTables.names.map(\.1) + derived).map { "(\($0))" }.sorted())
    }

    @Test func `an imported ledger is exported and imported again, and keeps both epochs`() async throws {
        try await source.fill(requestCount: 20)
        let bytes = try source.exported()
        try await source.withTarget { second in
            let first = try second.importing(bytes)
            let again = try second.exported()
            try await source.withTarget { third in
                let report = try third.importing(again)
                #expect(report.oldOrigin == first.origin)
                #expect("\(report.origin)" == "desk.example/sharing/3")
                let epochs = try third.rows("SELECT epoch, name, first_position FROM ledger.epoch")
                #expect(
                    epochs == [
                        "(1,desk.example/sharing,0)", "(2,desk.example/sharing,\(first.eventCount))",
                        "(3,desk.example/sharing,\(report.eventCount))",
                    ]
                )
                try await third.check()
            }
        }
    }

    @Test func `a part that is erased while the export runs is not there after the import`() async throws {
        try await source.fill(requestCount: 5)
        var file = try ExportFile(try source.exported())
        let size = try source.number("SELECT max(position) + 1 FROM ledger.event")
        let kept = Position(
            rawValue: try source.number(
                "SELECT position FROM ledger.payload AS p WHERE p.part = 'body' AND convert_from(content, 'SQL_ASCII') LIKE '%kept%'"
            )
        )
        // A file whose first pages were written before the erasure, and its end after that.
        let before = file.blocks.filter { ($0.table ?? 0) <= 2 && $0.kind == 2 }
        try await source.withStore { store in _ = try await store.erase([(kept, "body")]) }
        file = try ExportFile(try source.exported())
        let part = try #require(
            before.first { $0.table == 1 }.map { ExportFile.rows($0.payload) }?.first { row in
                row[0].map { $0.reduce(0) { $0 << 8 | Int64($1) } } == kept.rawValue && row[2] == Array("body".utf8)
            }
        )
        file.change(1) { rows in
            let index = rows.firstIndex { $0[0] == part[0] } ?? 0
            rows.insert(part, at: index)
        }
        try await source.withTarget { target in
            let report = try target.importing(file.bytes)
            #expect(report.eventCount > size)
            #expect(report.erasedCount == 3)
            let found = try target.number(
                "SELECT count(*) FROM ledger.payload WHERE position = \(kept) AND part = 'body'"
            )
            #expect(found == 0)
            try await target.check()
        }
    }

    @Test func `messages go on under the new epoch, chained to what was imported`() async throws {
        try await source.fill(requestCount: 20)
        let bytes = try source.exported()
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            try await target.withStore { store in
                let answer = try await store.must(.update("kept", under: "in-7", #"{"status":"solved"}"#))
                let position = try #require(answer.receipt?.position)
                let event = try await store.read { session in try LedgerReader.event(at: position, in: &session) }
                #expect(event?.origin == report.origin)
                let before =
                    "SELECT count(*) FROM ledger.event AS e JOIN ledger.share AS s USING (share_id) WHERE s.ticket = 'kept'"
                let count = try target.number(before)
                #expect(event?.shareLink?.sequence == count - 1)
                let again = try await store.answer(.share("kept", under: "in-7"))
                #expect(again.status == 422, "the ticket is known")
                // What was said before the loss, and comes again as its answer was lost, is recognised by its key.
                let repeated = try await store.answer(TestRequest.erasedShare.with("Idempotency-Key", "k1"))
                #expect(repeated.isRepeat && repeated.status == 201, "\(repeated)")
            }
            try await target.check()
        }
    }
}

/// The numbers of tables in the file.
enum ExportedTables {
    static let names: [(UInt8, String)] = [
        (1, "ledger.payload"), (2, "ledger.event"), (3, "ledger.stream"), (4, "ledger.share"), (5, "ledger.access_key"),
        (6, "ledger.idempotency_key"), (7, "projection.partner"), (8, "projection.agreement"),
        (9, "projection.ticket_head"), (10, "delivery.replay"), (11, "delivery.replay_outcome"), (12, "delivery.queue"),
        (13, "delivery.destination"), (14, "delivery.setting"),
    ]
}

extension TestDatabase {
    /// Whether the ledger is what its events say, and all that is made of it.
    func check() async throws {
        let audit = try await LedgerAudit.run(configuration(), keys: MemoryLedger.keys)
        #expect(audit.faults.map(\.description) == [])
        let verified = try await ProjectionVerifier.run(configuration(), keys: MemoryLedger.keys)
        #expect(verified.differences.first.map(\.description) == [])
        var session = try session()
        #expect(try AccessKeyAudit.faults(MemoryLedger.keys, in: &session).map(\.description) == [])
    }
}
