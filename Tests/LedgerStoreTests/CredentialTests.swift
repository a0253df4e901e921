import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct CredentialTests {
    private let database = TestDatabase.current

    @Test(arguments: ["gem", "rt"])
    func `no key of a real client's requests stands in any table, and each body comes back as it was`(client: String)
        async throws
    {
        let fixtures = try WireFixture.all(of: client)
        let keys = Set(fixtures.compactMap(\.accessKey))
        #expect(keys.count == 1)
        let requests = fixtures.map { $0.inbound(to: MemoryLedger.publicURL) }
        let answers = try await record(requests)
        try await expectNowhere(Array(keys))
        try await expectRestored(requests, answers)
    }

    @Test func `no key stands in any table, wherever else the client has put it`() async throws {
        let key = TestRequest.key
        let unicode = key.utf8.map { "\\u00" + hexadecimalDigits($0).uppercased() }.joined()
        let mixed = "\\u0030f1e2d3c\\u0034b5a69788796a5b4c3d2e1f001234567"
        let percent = key.utf8.map { "%" + hexadecimalDigits($0) }.joined()
        let token = "a1:\(key)"
        var requests = [
            TestRequest.invitation(
                "a1",
                permissions: #""note":"the key is \#(key)","\#(key)":[{"access_key":"\#(key)"}]"#
            ),
            .deskSets("accepted", of: "a1", with: "partner").with("X-Other-Token", key),
            .share("t1", under: "a1", #""comments":[{"uuid":"c1","body":"\#(key), \#(unicode), \#(mixed)"}]"#),
            .update("t1", under: "a1", #"{"status":"\#(key)","custom_status":"\#(unicode)","tags":["\#(mixed)"]}"#),
            .update(
                "t1",
                under: "a1",
                #"{"custom_fields":{"\#(mixed)":"https://x.example/?k=\#(percent)"},"subject":"\#(key)"}"#
            ),
            .update("t1", under: "a1", #"{"subject":"Größe 📷 \#(key)\#(key)"}"#).with("traceparent", "00-\(key)-01"),
            .update("t1", under: "a1", #"{"subject":"x"}"#).with("Idempotency-Key", "once-\(key)"),
            .update("t1", under: "a1", #"{"comments":[{"uuid":"\#(key)","body":"x"}]}"#),
            .update("t1", under: "a1", #"{"comments":[{"uuid":"c2","author":{"uuid":"p","name":"\#(mixed)"}}]}"#),
            .update("t1", under: "a1", #"{"subject":"\#(key)"#),
            .update("t1?key=\(key)&\(percent)=1", under: "a1", #"{"subject":"y"}"#),
            .update("t1", under: "a1", #"{"subject":"z"}"#).with("Referer", "https://x.example/\(percent)").with(
                key,
                "v"
            ),
            .update(key, under: "a1", #"{"subject":"z"}"#),
            .update(percent, under: "a1", #"{"subject":"z"}"#),
            .inbound("POST", "/tickets/\(key)", token: token, #"{"uuid":"\#(key)"}"#),
            .inbound("\(key)", "/tickets/t1", token: token),
            .inbound("PUT", "/agreements/a1", token: token, #"{"name":"\#(key)"}"#),
            .inbound("PUT", "/agreements/a1", token: token, #"{"sender_url":"https://partner.example/\#(key)"}"#),
            .inbound(
                "PUT",
                "/agreements/a1",
                token: token,
                #"{"access_key":"\#(key)","current_actor":{"name":"\#(unicode)"}}"#
            ),
            .outbound(
                "PUT",
                "/agreements/a1",
                to: "partner",
                token: token,
                #"{"receiver_url":"http://help.internal/sharing","sync_tags":null,"x":"\#(key)"}"#
            ),
            .outbound("PUT", "/tickets/t1", to: key, token: token, #"{"subject":"z"}"#),
            // Without a token that names it, or with one that cannot be read.
            .inbound("PUT", "/tickets/t1?token=\(token)", #"{"subject":"z"}"#),
            .inbound("PUT", "/tickets/t1", #"{"access_key":"\#(key)","note":"\#(mixed)"}"#),
            .inbound("PUT", "/tickets/t1", #"{"access_key":"\#(key)"#),
            .inbound("PUT", "/tickets/t1", token: key, #"{"subject":"\#(key)"}"#),
            .inbound("PUT", "/tickets/t1", token: " a1 : \(key)", #"{"subject":"\#(key)"}"#),
            .inbound("PUT", "/tickets/t1", #"{"subject":"z"}"#).with("X-Ticket-Sharing-Tokn", token).with(
                "Authorization",
                "Bearer \(key)"
            ),
            .inbound("POST", "/agreement/a1", #"{"uuid":"a1","access_key":"\#(key)"}"#),
            .inbound("POST", "/agreements/\(key)", #"{"uuid":"\#(key)","access_key":"\#(key)"}"#),
            .inbound("PATCH", "/agreements/a1", #"{"access_key":"\#(key)"}"#),
            .invitation("a2", from: "https://other.example/\(key)"),
        ]
        requests[3].source = "10.0.0.1, \(key)"
        var twice = TestRequest.update("t1", under: "a1", #"{"subject":"\#(key)"}"#)
        twice.fields = [("X-Ticket-Sharing-Token", token)]
        requests.append(twice)
        let answers = try await record(requests)
        #expect(answers.prefix(7).allSatisfy { $0.status < 300 }, "\(answers.prefix(7).map(\.status))")
        try await expectNowhere([key, unicode, mixed, percent])
        try await expectRestored(requests, answers)
    }

    @Test func `decisions and folds read the same: the stored body, with the key cut out`() async throws {
        let requests = [
            TestRequest.invitation("a1"),
            .deskSets("accepted", of: "a1", with: "partner"),
            .share("t1", under: "a1"),
            .update("t1", under: "a1", #"{"status":"is \#(TestRequest.key)"}"#),
        ]
        let answers = try await record(requests)
        #expect(answers.map(\.status) == [201, 200, 201, 200])
        var session = try database.session()
        let status = try session.query("SELECT status FROM projection.ticket_head").onlyRow()[0, as: String.self]
        #expect(status == "is [secret]")
        let body = try session.query("SELECT body ->> 'status' FROM audit.message WHERE type = 'ticket.updated'")
        #expect(try body.onlyRow()[0, as: String.self] == "is [secret]")
    }

    // MARK: Steps

    private func record(_ requests: [TestRequest]) async throws -> [Answer] {
        try await database.withStore(deskURL: "https://help.example/sharing") { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            var answers: [Answer] = []
            for request in requests { answers.append(try await store.answer(request)) }
            return answers
        }
    }

    /// Looks for texts, as they are and as the hex digits of `bytea`, in every column of every table and view of ours.
    private func expectNowhere(_ texts: [String]) async throws {
        var session = try database.session(as: .administrator)
        let tables = try session.query(
            """
            SELECT format('%I.%I', table_schema, table_name)
            FROM information_schema.tables
            WHERE table_schema IN ('ledger', 'projection', 'delivery', 'audit')
            """
        )
        #expect(tables.count > 15)
        let spelled = texts.flatMap { [$0, $0.utf8.map { hexadecimalDigits($0) }.joined()] }
        for table in try tables.decode(String.self) {
            let found = try session.query(
                """
                SELECT t::text
                FROM \(unescaped: table) AS t
                WHERE EXISTS (SELECT FROM unnest(\(spelled)) AS wanted (text) WHERE strpos(t::text, wanted.text) > 0)
                """
            )
            let row = try found.first?[0, as: String.self]
            #expect(row == nil, "\(table)")
        }
        #expect(try session.query("SELECT count(*) FROM ledger.payload").onlyRow()[0, as: Int64.self] > 10)
    }

    /// Puts the splices of each accepted message back.
    private func expectRestored(_ requests: [TestRequest], _ answers: [Answer]) async throws {
        var session = try database.session()
        var count = 0
        for (request, answer) in zip(requests, answers) where answer.status < 300 && !request.body.isEmpty {
            let position = try #require(answer.receipt).position
            let event = try #require(try LedgerReader.event(at: position, in: &session))
            let body = try #require(try LedgerReader.parts(of: position, in: &session)[.body])
            let exchange = try #require(event.exchange)
            let splices = try body.sealedSplices.map { sealed in
                let context = Splice.context(exchange: exchange, part: .body)
                return try #require([Splice](encoded: MemoryLedger.keys.open(sealed, context: context)))
            }
            #expect(CredentialCutter.restore(body.content, splices ?? []) == request.body, "\(request.path)")
            count += splices == nil ? 0 : 1
        }
        #expect(count > 0)
    }
}

private func hexadecimalDigits(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
}
