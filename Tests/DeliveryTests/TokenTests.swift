import Delivery
import HTTPServer
import Ledger
import Logging
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct TokenTests {
    private static let newKey = "ffffffffffffffffffffffffffffffffffffffff"

    @Test func `a partner gets the old key until it has taken the message with the new one`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        var agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "lens",
            token: agreement.token,
            body: #"{"access_key":"\#(Self.newKey)"}"#
        )
        agreement.key = Self.newKey
        try await ledger.update("t1", under: agreement, subject: "after the change")
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let tokens = partner.requests.map { $0.headers.first("X-Ticket-Sharing-Token") }
        #expect(partner.received == ["POST t1", "PUT a1", "PUT t1"])
        #expect(tokens == ["a1:\(TestLedger.partnerKey)", "a1:\(TestLedger.partnerKey)", "a1:\(Self.newKey)"])
        // The body had its key back, while what is stored has none.
        #expect(String(decoding: partner.requests[1].body, as: UTF8.self) == #"{"access_key":"\#(Self.newKey)"}"#)
        #expect(try await ledger.value("SELECT acknowledged_key_version::text FROM projection.agreement") == "2")
        #expect(
            try await ledger.value(
                """
                SELECT count(*)::text
                FROM ledger.payload
                WHERE position(\(Array(Self.newKey.utf8)) IN content) > 0
                    OR position(\(Array(TestLedger.partnerKey.utf8)) IN content) > 0
                """
            ) == "0"
        )
        await ledger.close()
        await partner.stop()
    }

    @Test func `a refused change of the key leaves the old one in use`() async throws {
        let partner = try FakePartner { _, request in HTTPResponse(status: request.target.hasSuffix("/a1") ? 422 : 200)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        var agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "lens",
            token: agreement.token,
            body: #"{"access_key":"\#(Self.newKey)"}"#
        )
        agreement.key = Self.newKey
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in await partner.waitForRequests(2) }
        #expect(
            partner.requests.map { $0.headers.first("X-Ticket-Sharing-Token") } == [
                "a1:\(TestLedger.partnerKey)", "a1:\(TestLedger.partnerKey)",
            ]
        )
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: [Dialect.standard, .zendesk, .rt])
    func `an invitation carries a token only to a partner that demands one`(dialect: Dialect) async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: 201) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url) { $0.dialect = dialect }
        let agreement = try await ledger.invite("lens", at: partner.url)
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let request = try #require(partner.requests.first)
        #expect(request.headers.first("X-Ticket-Sharing-Token") == (dialect == .rt ? agreement.token : nil))
        #expect(request.headers.first("X-Ticket-Sharing-Version") == (dialect == .zendesk ? nil : "1"))
        #expect(
            request.headers.first("Content-Type")?.hasPrefix(dialect == .rt ? "text/x-json" : "application/json")
                == true
        )
        let body = String(decoding: request.body, as: UTF8.self)
        #expect(body.contains(#""sender_url":"https://us.example/sharing""#))
        #expect(body.contains(#""access_key":"\#(agreement.key)""#))
        #expect(try await ledger.value("SELECT acknowledged_key_version::text FROM projection.agreement") == "1")
        await ledger.close()
        await partner.stop()
    }

    @Test func `a credential that cannot be decrypted holds its delivery back`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await TestDatabase.current.execute(
            """
            ALTER TABLE ledger.access_key DISABLE TRIGGER ALL;
            UPDATE ledger.access_key SET sealed = decode('00', 'hex');
            """
        )
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            try await ledger.until("the delivery to be put off") { session in
                try session.query(
                    "SELECT count(*) FROM delivery.queue WHERE claim IS NULL AND due_at > enqueued_at + interval '50 s'"
                )
                .onlyRow()[0, as: Int64.self] == 1
            }
        }
        #expect(partner.requests.isEmpty)
        #expect(
            ledger.log.all.contains { $0.level == .error && $0.metadata["error"]?.text.contains("key file") == true }
        )
        await ledger.close()
        await partner.stop()
    }
}
