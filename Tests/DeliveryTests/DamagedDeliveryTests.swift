import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing

/// Bytes that somebody has changed behind the ledger's back are not sent, and stop nothing else.
@Suite(.schema, .timeLimit(.minutes(5)))
struct DamagedDeliveryTests {
    /// What was done to the first of two messages, and what its delivery says then.
    static let crimes: [(sql: String, reason: String)] = [
        (
            "UPDATE ledger.payload SET content = set_byte(content, 10, 88) WHERE position = $1 AND part = 'body'",
            "the part body of event $1 is not what its leaf commits to"
        ),
        (
            "UPDATE ledger.payload SET salt = set_byte(salt, 0, 255 - get_byte(salt, 0)) WHERE position = $1 AND part = 'body'",
            "the part body of event $1 is not what its leaf commits to"
        ),
        (
            "DELETE FROM ledger.payload WHERE position = $1 AND part = 'body'",
            "the part body of event $1 is missing, and no payload.erased event names it"
        ),
        (
            "UPDATE ledger.payload SET content = '\\xff00' WHERE position = $1 AND part = 'facts'",
            "the part facts of event $1 is not what its leaf commits to"
        ),
        (
            "UPDATE ledger.payload SET content = replace(convert_from(content, 'UTF8'), '}', ',\"token_version\":9}')::bytea WHERE position = $1 AND part = 'facts'",
            "the part facts of event $1 is not what its leaf commits to"
        ),
        (
            "DELETE FROM ledger.payload WHERE position = $1 AND part = 'facts'",
            "the part facts of event $1 is missing, and no payload.erased event names it"
        ),
    ]

    @Test(arguments: crimes.indices)
    func `a delivery of damaged bytes is parked with that reason, and the others go on`(index: Int) async throws {
        let crime = Self.crimes[index]
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let message = try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: agreement)
        try await TestDatabase.current.execute(
            """
            BEGIN;
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            \(crime.sql.replacing("$1", with: "\(message.position)"));
            COMMIT;
            """
        )
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            let reason = crime.reason.replacing("$1", with: "\(message.position)")
            #expect(
                parked[0].text(.detail).contains("nothing altered is sent: \(reason)"),
                "\(parked[0].text(.detail))"
            )
            await partner.waitForRequests(1)
        }
        #expect(partner.received == ["POST t2"])
        #expect(try await ledger.events(.attemptBegun).map(\.event.ticket) == ["t2"])
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: ["sent-body", "body"])
    func `without what was cut out of it, no message is sent with the placeholder`(part: String) async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let message: Position
        if part == "sent-body" {
            _ = try await ledger.invite("lens", at: partner.url, id: "a2")
            message = try #require(try await ledger.events(.agreementInvited).last).event.position
        } else {
            message = try await ledger.share("t1", under: agreement, subject: "the key \(agreement.key)").position
        }
        try await ledger.share("t2", under: agreement)
        try await TestDatabase.current.execute(
            """
            BEGIN;
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            UPDATE ledger.payload SET splices = NULL WHERE position = \(message) AND part = '\(part)';
            COMMIT;
            """
        )
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            let reason = "not all of what was cut out of the part \(part) of event \(message) is still there"
            #expect(parked[0].text(.detail).contains("nothing altered is sent: \(reason)"))
            await partner.waitForRequests(1)
        }
        #expect(partner.received == ["POST t2"])
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: [
        "partner_id = (SELECT partner_id FROM projection.partner WHERE name = 'other')",
        "message_id = gen_random_uuid()",
        "share_id = (SELECT share_id FROM ledger.share WHERE ticket = 't2')",
    ])
    func `a delivery that names what the ledger does not goes to nobody`(change: String) async throws {
        let (partner, other) = (try FakePartner(), try FakePartner())
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        try await ledger.addPartner("other", at: other.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let message = try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: agreement)
        try await TestDatabase.current.execute(
            "UPDATE delivery.queue SET \(change) WHERE message_position = \(message.position)"
        )
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            let reason = "delivery.queue names another partner, message or share than the ledger does"
            #expect(parked[0].text(.detail).contains(reason), "\(parked[0].text(.detail))")
            await partner.waitForRequests(1)
        }
        #expect(other.received == [] && partner.received == ["POST t2"])
        await ledger.close()
        await partner.stop()
        await other.stop()
    }
}
