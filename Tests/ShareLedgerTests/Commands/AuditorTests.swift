import HTTPServer
import Linux
import TestPeers
import Testing

/// `shareledger sql`: what an auditor reads of a known history, and that reading is all.
@Suite(.fewAtATime) struct AuditorTests {
    @Test func `the three views tell a small history as it was`() async throws {
        let service = try await TestService.started(["--retry-schedule", "0s"])
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk(
            "POST",
            "t1",
            agreed,
            #"{"uuid":"t1","subject":"S","status":"open","current_actor":{"uuid":"p1","name":"Ann"},"comments":[{"uuid":"c1","body":"public"},{"uuid":"c2","body":"private","public":false}]}"#
        )
        let theirs = #"{"status":"solved","comments":[{"uuid":"c3","body":"theirs"}],"odd":"\u0000"}"#
        #expect(try await service.fromPartner("PUT", "/tickets/t1", token: agreed.token, theirs).status == 200)
        #expect(
            try await service.fromPartner("PUT", "/tickets/t1", token: agreed.token, #"{"status":5}"#).status == 422
        )
        // The invitation and the ticket.
        await partner.waitForRequests(2)
        partner.setScript { _, _ in .init(status: 403) }
        try await service.desk("PUT", "t1", agreed, #"{"status":"closed"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'parked'", is: "1")

        let messages = try await service.sql(
            """
            SELECT type, direction, partner, status, accepted, sent_by, actor, new_status, body_form, body ->> 'status', rewritten
            FROM message
            WHERE agreement = '\(agreed.uuid)'
            ORDER BY position
            """
        )
        #expect(
            messages == """
                agreement.invited|out|lenswerk|201|t|desk||pending|json|pending|f
                agreement.updated|in|lenswerk|200|t|partner||accepted|json|accepted|f
                ticket.shared|out|lenswerk|201|t|desk|Ann|open|json|open|f
                ticket.updated|in|lenswerk|200|t|partner||solved|not json||f
                message.refused|in|lenswerk|422|f||||json|5|f
                ticket.updated|out|lenswerk|200|t|desk||closed|json|closed|f
                """
        )
        let shared = try await service.sql(
            """
            SELECT agreement, ticket, partner, our_role, agreement_status, shared_now, first_type, last_type, messages_in,
                messages_out, public_comments_in, private_comments_in, public_comments_out, private_comments_out
            FROM shared_with
            """
        )
        #expect(shared == "\(agreed.uuid)|t1|lenswerk|sender|accepted|t|ticket.shared|ticket.updated|1|2|1|0|1|1")
        let times = "SELECT first_at < last_at AND last_at <= now() AND first_position < last_position FROM shared_with"
        #expect(try await service.sql(times) == "t")
        // What names no agreement of ours still names a partner, here as in the history.
        let stray = try await service.fromDesk("PUT", "/lenswerk/tickets/t9", token: "a9:\(TestService.key)", "{}")
        #expect(stray.status == 403)
        let newest = "SELECT type, agreement, partner FROM message ORDER BY position DESC LIMIT 1"
        #expect(try await service.sql(newest) == "message.refused||lenswerk")
        let refused = try await service.command("history", "--type", "message.refused", "--json").objects
        #expect(refused.last?["partner"] as? String == "lenswerk")
        let deliveries = try await service.sql(
            """
            SELECT message_type, ticket, destination, state, attempts, last_attempt, last_status, error IS NOT NULL,
                finished_at IS NOT NULL, split_part(address, ':', 1)
            FROM delivery
            ORDER BY message_position
            """
        )
        #expect(
            deliveries == """
                agreement.invited||partner|delivered|1|attempt.succeeded|200|f|t|127.0.0.1
                ticket.shared|t1|partner|delivered|1|attempt.succeeded|200|f|t|127.0.0.1
                ticket.updated|t1|partner|parked|1|attempt.failed|403|t|f|127.0.0.1
                """
        )
        #expect(
            try await service.sql(
                "SELECT count(*) FROM message WHERE body::text ~ '\(agreed.token.suffix(40))'"
            ) == "0"
        )
        let page = try await service.command("ticket", "show", "\(agreed.uuid)/t1").output
        #expect(page.contains("to lenswerk is parked after 1 attempt: the answer was 403\n"), "\(page)")
    }

    @Test func `an auditor can change nothing, with the service running or stopped, and every column explains itself`()
        async throws
    {
        let service = try TestService()
        try await service.command("init")
        #expect(try await service.sql("SELECT current_user, session_user") == "shareledger_auditor|shareledger_auditor")
        for view in ["message", "shared_with", "delivery", "attempt", "operation"] {
            let words = ["-X", "-A", "-t", "-c", "\\d+ audit.\(view)"]
            let described = try await service.psql(words)
            let columns = described.output.split(separator: "\n").filter { $0.contains("|") }
            #expect(columns.count >= 10 && columns.allSatisfy { !$0.hasSuffix("|") }, "\(described.output)")
        }
        let statements = [
            "INSERT INTO audit.message (type) VALUES ('x')", "UPDATE audit.message SET type = 'x'",
            "DELETE FROM audit.shared_with", "TRUNCATE audit.delivery", "DROP VIEW audit.message",
            "CREATE TABLE audit.mine ()", "CREATE TABLE public.mine ()", "CREATE TEMPORARY TABLE mine ()",
            "CREATE FUNCTION audit.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE SCHEMA mine",
            "SET ROLE shareledger_service", "SET ROLE shareledger_owner", "SET ROLE shareledger_admin",
            "SET SESSION AUTHORIZATION shareledger_owner", "SET session_replication_role = replica",
            "COPY (SELECT 1) TO PROGRAM 'id'", "COPY (SELECT 1) TO '/tmp/shareledger-auditor'",
            "SELECT pg_advisory_lock(8316003855895389287)", "SELECT lo_create(0)", "SELECT lo_from_bytea(0, '')",
            "SELECT pg_read_file('postgresql.conf')", "SELECT lo_import('/etc/passwd')",
            "SELECT content FROM ledger.payload", "SELECT * FROM ledger.access_key", "SELECT * FROM ledger.event",
            "SELECT * FROM delivery.queue", "SELECT * FROM projection.comment",
            "SELECT ledger.erase_part(0, 0, 'detail')",
            "ALTER SYSTEM SET fsync = off",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shareledger_service'",
            "LOCK TABLE ledger.event",
            "NOTIFY shareledger; DO $$ BEGIN PERFORM 1 FROM ledger.event; END $$",
        ]
        let before = try await service.administer("SELECT count(*) FROM ledger.event")
        // One psql that goes on after each error: as many errors as statements, or one went through.
        let script = statements.map { "\($0);\n\\echo :ERROR\n" }.joined()
        let run = try await service.psql(["-X", "-q", "-t", "-A"], input: script)
        let outcomes = run.output.split(separator: "\n").filter { $0 == "true" || $0 == "false" }
        let harmless = ["SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shareledger_service'"]
        #expect(outcomes.count == statements.count)
        for (statement, outcome) in zip(statements, outcomes) where !harmless.contains(statement) {
            #expect(outcome == "true", "\(statement) went through: \(run.output)\(run.errors)")
        }
        #expect(!run.output.contains("root:"))
        #expect(try await service.administer("SELECT count(*) FROM ledger.event") == before)
    }

    @Test func `neither the service nor the owner nor a replica's session changes what stands in the ledger`()
        async throws
    {
        let service = try TestService()
        try await service.command("init")
        try await service.command("partner", "add", "lenswerk", "--url", "https://lenswerk.example")
        let tables = try await service.administer(
            """
            SELECT c.relname
            FROM pg_class AS c
            WHERE c.relnamespace = 'ledger'::regnamespace
                AND c.relkind IN ('r', 'p')
                AND c.relname ~ '^(event|payload)'
            """
        ).split(separator: "\n")
        #expect(tables.count >= 4, "both parents and at least one partition of each")
        let digest =
            "SELECT md5(string_agg(e::text || p::text, '' ORDER BY e.position, p.part)) FROM ledger.event AS e JOIN ledger.payload AS p USING (position)"
        let before = try await service.administer(digest)
        var changes: [String] = []
        for table in tables {
            let column = table.hasPrefix("event") ? "status = 1" : "content = ''"
            // A partition that is still empty has no rows to change.
            let rowChanges =
                table.hasSuffix("1") ? [] : ["UPDATE ledger.\(table) SET \(column)", "DELETE FROM ledger.\(table)"]
            changes += rowChanges + ["TRUNCATE ledger.\(table) CASCADE"]
        }
        for (role, setting, why) in [
            ("shareledger_service", "origin", "permission denied"),
            ("shareledger_owner", "origin", "is refused: the ledger is append-only"),
            ("shareledger_admin", "replica", "is refused: the ledger is append-only"),
        ] {
            let set = setting == "replica" ? "SET session_replication_role = replica;\n" : ""
            let run = try await service.attempt(
                set + changes.joined(separator: ";\n") + ";\n",
                as: role,
                stopsAtErrors: false
            )
            let refusals = run.errors.split(separator: "\n").filter { $0.contains("ERROR:") }
            #expect(
                refusals.count == changes.count && refusals.allSatisfy { $0.contains(why) },
                "\(role): \(run.errors)"
            )
        }
        #expect(try await service.administer(digest) == before)
    }
}
