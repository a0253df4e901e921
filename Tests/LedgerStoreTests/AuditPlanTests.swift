import LedgerStore
import Postgres
import PostgresCluster
import TestRequests
import TestSupport
import Testing

/// Questions that auditors ask of a large ledger find their events by an index, never by reading all of them.
@Suite(.largeLedger) struct AuditPlanTests {
    private let database = TestDatabase.current

    @Test(arguments: [
        "message WHERE position = 7000",
        "message WHERE position BETWEEN 7000 AND 7100",
        "message WHERE position > 29000 ORDER BY position LIMIT 100",
        "message WHERE agreement = 'a7'",
        "message WHERE agreement = 'a7' AND NOT accepted",
        "message WHERE ticket = 't77'",
        "message WHERE agreement = 'a7' AND ticket = 't77'",
        "message WHERE event_id = '00000000-0000-4000-8000-000000007000'",
        "message ORDER BY position DESC LIMIT 20",
        "shared_with WHERE agreement = 'a7'",
        "shared_with WHERE ticket = 't77'",
        "shared_with WHERE agreement = 'a7' AND ticket = 't77'",
        "delivery WHERE agreement = 'a7'",
        "delivery WHERE ticket = 't77'",
        "delivery WHERE message_position = 7000",
        "attempt WHERE agreement = 'a7'",
        "attempt WHERE ticket = 't77'",
        "attempt WHERE message_position = 7000",
        "attempt WHERE position = 7000",
        "operation WHERE position BETWEEN 7000 AND 7100",
        "agreement WHERE agreement = 'a7'",
        "agreement_history WHERE agreement = 'a7'",
        "ticket_history WHERE agreement = 'a7' AND ticket = 't77'",
        "disclosure WHERE agreement = 'a7' AND ticket = 't77'",
        "divergence WHERE agreement = 'a7' AND ticket = 't77'",
        "divergence WHERE agreement = 'a7'",
        "actor WHERE agreement = 'a7' AND ticket = 't77'",
        "orphan WHERE agreement = 'a7'",
        "refusal WHERE agreement = 'a7'",
        "erasure",
        "progress",
        "delivery WHERE message_id = '00000000-0000-4000-8000-000000007000'",
    ])
    func `a question by agreement, ticket or position reads no whole table`(question: String) async throws {
        let plan = try await database.execute("EXPLAIN (COSTS OFF) SELECT * FROM audit.\(question)")
        // Of what is next to empty, as the partition ahead is, everything may be read.
        let whole = plan.split(separator: "\n").filter {
            $0.contains("Seq Scan on event_000000") || $0.contains("Seq Scan on payload_000000")
        }
        #expect(whole.isEmpty, "\(plan)")
    }
}

extension Trait where Self == DatabaseTrait {
    /// 28,000 events in 100 agreements of 20 tickets each, a tenth of them successes, with their facts.
    fileprivate static var largeLedger: Self {
        .database(template: "large") { database in
            do {
                var session = try database.session(as: .owner)
                _ = try Migrator.migrate(in: &session)
                _ = try session.query("SELECT ledger.ensure_partitions(0)")
            }
            try await database.execute(filling)
        }
    }
}

private let filling = """
    BEGIN;
    INSERT INTO ledger.stream (stream_id, name) SELECT n, 'agreement:a' || n FROM generate_series(1, 100) AS n;
    INSERT INTO ledger.share (share_id, stream_id, ticket)
    SELECT n, 1 + n % 100, 't' || n FROM generate_series(1, 2000) AS n;
    INSERT INTO projection.partner VALUES (1, 'partner', 'https://p/', 'p', 'rt', 'active', false, false, false, 1);
    INSERT INTO projection.agreement
    SELECT n, 1, n, n, now(), NULL, NULL, 200, gen_random_uuid(), 'a' || n, 'sender', 'accepted', NULL, NULL,
        'https://s/', 'https://r/', true, true, true, NULL, NULL, NULL, ''
    FROM generate_series(1, 100) AS n;
    CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql
    AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
    INSERT INTO ledger.event
    SELECT n, 1 + (1 + n % 2000) % 100, n, 1 + n % 2000, n, now() + n * interval '1 ms', 1, 1, 200, 1,
        pg_temp.id(n), CASE WHEN n % 10 = 0 THEN pg_temp.id(n - 1) END, NULL,
        CASE WHEN n % 10 = 0 THEN 'attempt.succeeded' ELSE 'ticket.updated' END, 'out',
        sha256(n::text::bytea), sha256(''), sha256(''), '{facts}', '{2}', ARRAY[sha256('')]
    FROM generate_series(2001, 30000) AS n;
    INSERT INTO ledger.payload (position, part, salt, content)
    SELECT n, 'facts', sha256(''), '{"destination":"partner","comments":[{"uuid":"c","public":true}]}'
    FROM generate_series(2001, 30000) AS n;
    COMMIT;
    ANALYZE;
    """
