import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct AuditViewTests {
    private let database = TestDatabase.current

    // MARK: All views

    @Test func `every view and every column of one says what it is`() async throws {
        let silent = try await database.execute(
            """
            SELECT c.relname, a.attname
            FROM pg_class AS c
            JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
            WHERE c.relnamespace = 'audit'::regnamespace
                AND c.relkind = 'v'
                AND (
                    col_description(c.oid, a.attnum) IS NULL
                    OR obj_description(c.oid, 'pg_class') IS NULL
                )
            """
        )
        #expect(silent == "")
    }

    @Test func `bodies that jsonb cannot hold are kept byte for byte, and every view reads over them`() async throws {
        let bodies = [
            #"{"custom_fields":{"nul":"\u0000"}}"#,
            #"{"custom_fields":{"\u0000":1}}"#,
            #"{"custom_fields":{"half":"\ud83d"}}"#,
            #"{"custom_fields":{"half":"\ude00\ud83d"}}"#,
            #"{"custom_fields":{"large":1e400000,"small":-1E-400000}}"#,
            #"{"custom_fields":{"digits":\#(String(repeating: "9", count: 140_000))}}"#,
            #"{"custom_fields":{"twice":1,"twice":2},"x":"\ud83d\ude00"}"#,
            #"{"custom_fields":{"limits":[1e1000,0.000001,-0,1E+2]},"subject":"\u00e9\/\"\\\b"}"#,
        ]
        let castable = [false, false, false, false, false, false, true, true]
        let positions = try await database.withStore { store -> [Position] in
            try await prepare(store)
            var positions: [Position] = []
            for body in bodies {
                let answer = try await store.answer(.update("t1", under: "a1", body))
                #expect(answer.status == 200, "\(body.prefix(80)) \(String(describing: answer.fault))")
                positions.append(try #require(answer.receipt).position)
            }
            return positions
        }
        var session = try database.session()
        for (index, position) in positions.enumerated() {
            let stored = try #require(try LedgerReader.parts(of: position, in: &session)[.body])
            #expect(stored.content == Array(bodies[index].utf8))
        }
        var auditor = try database.session(as: .auditor)
        let shown = try auditor.query(
            "SELECT body IS NOT NULL, body_form FROM audit.message WHERE position = ANY (\(positions)) ORDER BY position"
        )
        #expect(try shown.map { try $0[0, as: Bool.self] } == castable)
        #expect(try shown.map { try $0[1, as: String.self] } == castable.map { $0 ? "json" : "not json" })
        let views = try auditor.query(
            "SELECT table_name::text FROM information_schema.views WHERE table_schema = 'audit'"
        ).map { try $0[0, as: String.self] }
        #expect(views.count > 15)
        for view in views { _ = try auditor.query("SELECT * FROM audit.\(identifier: view)") }
        // Nothing that was said not to fit is a guess on the safe side only: what was said to fit has been cast above, the rest
        // is refused by the server itself.
        for (index, body) in bodies.enumerated() where !castable[index] && index != 4 {
            let error = #expect(throws: PostgresError.self) { try session.query("SELECT \(body)::jsonb") }
            #expect(error != nil, "\(body.prefix(80))")
        }
    }

    @Test func `refused, malformed and unauthenticated requests do not keep a view from being read`() async throws {
        let long = #"{"subject":""# + String(repeating: "x", count: 10_000) + #""}"#
        try await database.withStore { store in
            try await prepare(store)
            let wrong = [
                TestRequest.inbound("PUT", "/tickets/t1", #"{"subject":"no token"}"#),
                TestRequest.inbound("PUT", "/tickets/t1", long),
                TestRequest.inbound("PUT", "/tickets/t1", token: "a1:wrong-wrong", long),
                TestRequest.update("t1", under: "a1", #"{"subject":"#),
                TestRequest.update("t1", under: "a1", "\u{FEFF}{}"),
                TestRequest.update("unknown", under: "a1", "{}"),
                TestRequest.inbound("POST", "/agreements/a2", #"{"access_key":"0123456789","uuid":"a2"}"#),
                TestRequest.inbound("POST", "/agreements/a2", #"{"access_key":"0123456789"#),
                TestRequest.inbound("FROB", "/nowhere/else?x", "\0\u{1}"),
                TestRequest.inbound(
                    "DELETE",
                    "/tickets/t1",
                    token: "a1:wrong-wrong",
                    #"{"a":"\#\#(String(repeating: "\\u0000", count: 900))"}"#
                ),
                TestRequest.inbound("GET", "/agreements/a1", token: "a1:wrong-wrong"),
            ]
            for request in wrong {
                let answer = try await store.answer(request)
                #expect(answer.status >= 400, "\(request.path)")
            }
            _ = try await store.answer(.inbound("GET", "/agreements/a1", token: "a1:\(TestRequest.key)"))
            var bytes = TestRequest.update("t1", under: "a1", "")
            bytes.body = [0x7B, 0xFF, 0xFE, 0x7D]
            #expect(try await store.answer(bytes).status == 422)
        }
        var auditor = try database.session(as: .auditor)
        let rows = try auditor.query("SELECT accepted, error, body, direction FROM audit.message")
        #expect(rows.count == 3 + 13)
        for view in ["shared_with", "delivery", "attempt", "operation"] {
            _ = try auditor.query("SELECT * FROM audit.\(identifier: view)")
        }
    }

    // MARK: audit.message

    @Test func `a message shows what it was, who sent it, what it set and what was not taken`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(
                .ownInvitation("o1", to: "partner", permissions: #""allows_public_comments":false"#)
            )
            _ = try await store.answer(.partnerSets("accepted", of: "o1"))
            let share =
                #"{"uuid":"t1","status":"open","comments":[{"uuid":"c1","body":"x"}],"current_actor":{"uuid":"u1","name":"Åsa"}}"#
            _ = try await store.answer(
                .outbound("POST", "/tickets/t1", to: "partner", token: "o1:\(TestRequest.key)", share)
            )
            _ = try await store.answer(.update("t1", under: "o1", #"{"status":"solved","comments":[{"uuid":"c2"}]}"#))
            _ = try await store.answer(.update("t1", under: "o1", #"{"status":"solved","comments":[{"uuid":"c2"}]}"#))
            _ = try await store.answer(.update("t1", under: "o1", #"{"status":5}"#))
        }
        let rows = try await database.execute(
            """
            SELECT type, direction, agreement, ticket, partner, status, accepted, by, sent_by, actor, actor_uuid, new_status,
                members, comments, not_taken, disclosed_beyond, repeats, count, error, source, rewritten, body_form
            FROM audit.message
            ORDER BY position
            """,
            as: .auditor
        )
        let lines = rows.split(separator: "\n").map(String.init)
        #expect(
            lines == [
                #"agreement.invited|out|o1||partner|201|t|sender|desk|||pending|["uuid", "name", "sender_url", "receiver_url", "access_key", "status", "allows_public_comments"]|||||1||192.0.2.1|t|json"#,
                #"agreement.updated|in|o1||partner|200|t|receiver|partner|||accepted|["status"]|||||1||192.0.2.1|f|json"#,
                #"ticket.shared|out|o1|t1|partner|201|t|sender|desk|Åsa|u1|open|["uuid", "status", "comments", "current_actor"]|[{"uuid": "c1", "public": true}]||||1||192.0.2.1|f|json"#,
                #"ticket.updated|in|o1|t1|partner|200|t|receiver|partner|||solved|["status", "comments"]|[{"uuid": "c2", "public": true}]|[{"member": "status"}, {"member": "comments.public", "comment": "c2"}]|||1||192.0.2.1|f|json"#,
                #"message.duplicated|in|o1|t1|partner|200|t|||||||||||1||192.0.2.1|f|none"#.replacing(
                    "|||||||||||1|",
                    with: "||||||||||5|1|"
                ),
                #"message.refused|in|o1|t1|partner|422|f|||||||||||1|wrong_type|192.0.2.1|f|json"#,
            ]
        )
    }

    @Test func `refusals that were only counted show their count`() async throws {
        try await database.withStore { store in
            try await store.appender.append(StateKeys(), byteCount: 100) { transaction in
                transaction.recordRefusals(17, from: "192.0.2.9", since: transaction.now)
            }
        }
        let row = try await database.execute("SELECT type, count, source, body_form FROM audit.message")
        #expect(row == "message.refused|17|192.0.2.9|none\n")
    }

    // MARK: audit.shared_with

    @Test func `a share shows its partner, its times, its messages and whose comments`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(
                .ownInvitation("o1", to: "partner", permissions: #""allows_public_comments":false"#)
            )
            _ = try await store.answer(.partnerSets("accepted", of: "o1"))
            _ = try await store.answer(.invitation("i1"))
            _ = try await store.answer(.deskSets("accepted", of: "i1", with: "partner"))
            let token = "o1:\(TestRequest.key)"
            let first = #"{"uuid":"t1","comments":[{"uuid":"c1"},{"uuid":"c2","public":false}]}"#
            let second =
                #"{"comments":[{"uuid":"c1","public":false},{"uuid":"c3"},{"uuid":"c3"},{"uuid":"c4","public":null}]}"#
            _ = try await store.answer(.outbound("POST", "/tickets/t1", to: "partner", token: token, first))
            _ = try await store.answer(.outbound("PUT", "/tickets/t1", to: "partner", token: token, second))
            _ = try await store.answer(
                .update("t1", under: "o1", #"{"comments":[{"uuid":"d1"},{"uuid":"d2","public":false}]}"#)
            )
            _ = try await store.answer(
                .update("t1", under: "o1", #"{"comments":[{"uuid":"d1","public":false},{"uuid":"c1"}]}"#)
            )
            _ = try await store.answer(.share("t1", under: "i1"))
            _ = try await store.answer(.outbound("DELETE", "/tickets/t1", to: "partner", token: token))
            let refused = try await store.answer(.update("t1", under: "o1", #"{"status":"x"}"#))
            #expect(refused.status == 404)
        }
        let rows = try await database.execute(
            """
            SELECT agreement, ticket, partner, our_role, agreement_status, shared_now, first_type, last_type,
                unshared_at IS NOT NULL, last_position - first_position, messages_in, messages_out,
                public_comments_in, private_comments_in, public_comments_out, private_comments_out, disclosed_beyond
            FROM audit.shared_with
            ORDER BY agreement
            """,
            as: .auditor
        )
        #expect(
            rows.split(separator: "\n") == [
                "i1|t1|partner|receiver|accepted|t|ticket.shared|ticket.shared|f|0|1|0|0|0|0|0|0",
                "o1|t1|partner|sender|accepted|f|ticket.shared|ticket.unshared|t|5|2|3|0|2|3|1|0",
            ]
        )
    }

    @Test func `what was sent and what the partner has acknowledged of it are counted apart`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.ownInvitation("o1", to: "partner"))
            _ = try await store.answer(.partnerSets("accepted", of: "o1"))
            let token = "o1:\(TestRequest.key)"
            for (method, body) in [
                ("POST", #"{"uuid":"t1","comments":[{"uuid":"c1"},{"uuid":"c2","public":false}]}"#),
                ("PUT", #"{"comments":[{"uuid":"c3"},{"uuid":"c4","public":false}]}"#),
                ("PUT", #"{"comments":[{"uuid":"c3"}],"status":"open"}"#),
            ] {
                _ = try await store.answer(.outbound(method, "/tickets/t1", to: "partner", token: token, body))
            }
        }
        let question = """
            SELECT messages_out, messages_acknowledged, public_comments_out, private_comments_out,
                public_comments_acknowledged, private_comments_acknowledged, acknowledged_at IS NOT NULL
            FROM audit.shared_with
            """
        #expect(try await database.execute(question, as: .auditor) == "3|0|2|2|0|0|f\n")
        try await database.withStore { store in
            try await store.attempt(.attemptSucceeded, 1, of: 4, status: 201, error: nil)
            try await store.attempt(.attemptFailed, 1, of: 5, status: 422, error: "the answer was 422")
        }
        #expect(try await database.execute(question, as: .auditor) == "3|1|2|2|1|1|t\n")
        // What a later message brings again has arrived with that; what only the refused one had has not.
        try await database.withStore { store in
            try await store.attempt(.attemptSucceeded, 1, of: 6, status: 200, error: nil)
            try await store.attempt(.attemptSucceeded, 2, of: 6, status: 200, error: nil, replay: 6)
        }
        #expect(try await database.execute(question, as: .auditor) == "3|2|2|2|2|1|t\n")
    }

    @Test func `what is disclosed beyond an agreement is counted`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(
                .invitation("i1", permissions: #""allows_public_comments":false,"sync_tags":false"#)
            )
            _ = try await store.answer(.deskSets("accepted", of: "i1", with: "partner"))
            _ = try await store.answer(.share("t1", under: "i1"))
            let token = "i1:\(TestRequest.key)"
            for body in [#"{"comments":[{"uuid":"c1"}]}"#, #"{"tags":["a"]}"#, #"{"subject":"x"}"#] {
                _ = try await store.answer(.outbound("PUT", "/tickets/t1", to: "partner", token: token, body))
            }
        }
        let row = try await database.execute(
            "SELECT disclosed_beyond, public_comments_out, private_comments_out FROM audit.shared_with",
            as: .auditor
        )
        #expect(row == "2|1|0\n")
    }

    private func prepare(_ store: Store) async throws {
        try await store.addPartner("partner", url: TestRequest.partnerURL)
        _ = try await store.answer(.invitation("a1"))
        _ = try await store.answer(.deskSets("accepted", of: "a1", with: "partner"))
        _ = try await store.answer(.share("t1", under: "a1"))
    }
}
