import Cryptography
import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// A partner goes away and comes back.
@Suite(.schema, .timeLimit(.minutes(5)), .tags(.concurrency))
struct PartnerOutageTests {
    private static let noJitter = Randomness { [UInt8](repeating: 0, count: $0) }

    @Test func `while a partner is out canaries go alone, tries are kept, and what waits comes little by little`()
        async throws
    {
        let away = SilentPort()
        defer { withExtendedLifetime(away) {} }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: away.url)
        let agreement = try await ledger.agree(with: "lens", at: away.url)
        for number in 0..<12 { try await ledger.share("t\(number)", under: agreement) }
        let back = try await ledger.withEngine(ledger.makeEngine(randomness: Self.noJitter)) { engine in
            try await ledger.untilStates(["out"])
            try await ledger.untilUnclaimed()
            let tries = try await ledger.tries()
            let failed = try await ledger.events(.attemptFailed).count
            // Others may have been under way when the fifth fault came; like that one they get their tries back.
            #expect((5...8).contains(failed) && tries == 4)
            var seconds = 5
            for canary in 1...3 {
                ledger.clock.advance(by: .seconds(seconds))
                engine.wake()
                _ = try await ledger.events(.attemptFailed, count: failed + canary)
                try await ledger.untilUnclaimed()
                #expect(try await ledger.events(.attemptFailed).count == failed + canary)
                #expect(try await ledger.tries() == tries)
                seconds *= 2
            }
            let back = try FakePartner(port: away.number)
            ledger.clock.advance(by: .seconds(seconds))
            engine.wake()
            try await ledger.untilDelivered()
            return back
        }
        #expect(back.requests.count == 12 && back.mostActive <= 4)
        #expect(try await ledger.states() == ["out", "struggling", "up"])
        let changes = try await ledger.events(.partnerStateChanged)
        #expect(changes[0].text(.detail).contains(#""partner":"lens","reason":"could not connect"#))
        #expect(changes[1].text(.detail).contains(#""reason":"it answers again""#))
        await ledger.close()
        await back.stop()
    }

    @Test func `of several processes one sends the canary, and what was claimed before is given back`() async throws {
        let away = SilentPort()
        defer { withExtendedLifetime(away) {} }
        let first = try await TestLedger()
        let second = try await TestLedger(clock: first.clock)
        try await first.addPartner("lens", at: away.url) { $0.concurrency = 12 }
        let agreement = try await first.agree(with: "lens", at: away.url)
        for number in 0..<40 { try await first.share("t\(number)", under: agreement) }
        try await first.withEngine(first.makeEngine(randomness: Self.noJitter)) { one in
            try await second.withEngine(second.makeEngine(randomness: Self.noJitter)) { two in
                try await first.untilStates(["out"], seenBy: [first, second])
                try await first.untilUnclaimed(seenBy: [first, second])
                let failed = try await first.events(.attemptFailed).count
                for canary in 1...4 {
                    first.clock.advance(by: .seconds(60))
                    for engine in [one, two] { engine.wake() }
                    _ = try await first.events(.attemptFailed, count: failed + canary, seenBy: [first, second])
                    try await first.untilUnclaimed(seenBy: [first, second])
                }
                #expect(try await first.events(.attemptFailed).count == failed + 4)
            }
        }
        #expect(try await first.states() == ["out"])
        for ledger in [first, second] { await ledger.close() }
    }

    @Test func `a partner that does not take part any more is paused, and begins slowly when it is resumed`()
        async throws
    {
        let partner = try FakePartner { number, _ in HTTPResponse(status: number == 0 ? 410 : 200) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url) { $0.concurrency = 1 }
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        for number in 0..<5 { try await ledger.share("t\(number)", under: agreement) }
        try await ledger.withEngine { engine in
            let changes = try await ledger.events(.partnerStateChanged, count: 1)
            #expect(changes[0].text(.facts).contains(#""paused":true"#))
            #expect(changes[0].text(.detail).contains("410"))
            #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE state = 'waiting'") == "4")
            #expect(partner.requests.count == 1)
            try await ledger.setPaused(false, "lens")
            let limit: SQL = "SELECT in_flight_limit::text FROM delivery.destination WHERE state = 'struggling'"
            #expect(try await ledger.value(limit) == "1")
            engine.wake()
            await partner.waitForRequests(5)
            try await ledger.untilStates([nil, "struggling", "up"])
        }
        #expect(partner.received.first == "POST t0" && partner.requests.count == 5)
        await ledger.close()
        await partner.stop()
    }

    /// A partner is out, and its next canary is due.
    private static let isOut: SQL = """
        INSERT INTO delivery.destination (partner_id, state, canary_at, failures, history, refusals, canaries)
        SELECT partner_id, 'out', now() - interval '1 d', 7, 127, 0, 2 FROM projection.partner
        """

    @Test func `a partner that is out and gets another URL is tried at once`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://old.example/sharing")
        try await ledger.execute(Self.isOut)
        try await ledger.execute("UPDATE delivery.destination SET canary_at = now() + interval '1 d'")
        var change = PartnerChange()
        change.url = try BaseURL("https://new.example/sharing")
        let wanted = change
        let changed = try await ledger.store.appender.append(StateKeys(), byteCount: 0) { transaction in
            Result { () throws(OperatorFault) in try transaction.change(wanted, partner: "lens", operator: "test").1 }
        }
        _ = try changed.get()
        #expect(try await ledger.value("SELECT (canary_at <= now())::text FROM delivery.destination") == "true")
        await ledger.close()
    }

    @Test func `a partner that is out and resumed is tried at once, and stays out until it answers`() async throws {
        let away = SilentPort()
        defer { withExtendedLifetime(away) {} }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: away.url)
        let agreement = try await ledger.agree(with: "lens", at: away.url)
        for number in 0..<6 { try await ledger.share("t\(number)", under: agreement) }
        try await ledger.withEngine(ledger.makeEngine(randomness: Self.noJitter)) { engine in
            try await ledger.untilStates(["out"])
            try await ledger.untilUnclaimed()
            // What waits is due much later, also where nothing else does.
            try await ledger.execute("UPDATE delivery.queue SET due_at = due_at + interval '1 hour'")
            let failed = try await ledger.events(.attemptFailed).count
            for resumed in 1...2 {
                try await ledger.setPaused(false, "lens")
                engine.wake()
                _ = try await ledger.events(.attemptFailed, count: failed + resumed)
                try await ledger.untilUnclaimed()
            }
            let state = try await ledger.value("SELECT state FROM delivery.destination")
            #expect(state == "out")
            let due = try await ledger.value(
                "SELECT (max(due_at) < min(h.canary_at) + interval '1 minute')::text FROM delivery.queue AS q, delivery.destination AS h"
            )
            #expect(due == "true", "no retry of the schedule stands in the way of a canary")
        }
        await ledger.close()
    }

    @Test func `the late end of an attempt whose delivery is gone does not bring back what is out`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 503)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            await partner.waitForRequests(1)
            try await ledger.execute("DELETE FROM delivery.queue")
            try await ledger.execute(Self.isOut)
            gate.open()
            _ = try await ledger.events(.attemptFailed, count: 1)
            let row: SQL = "SELECT concat_ws(' ', state, failures, canaries) FROM delivery.destination"
            #expect(try await ledger.value(row) == "out 8 2")
        }
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 422 No\r\nContent-Length: 1000\r\n\r\ncut off"])
    func `rubbish from a partner that is out uses up a try, as it may have taken the message`(answer: String)
        async throws
    {
        let partner = try RawPartner(answer: answer)
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.execute(Self.isOut)
        try await ledger.withEngine { _ in
            try await ledger.until("one try") { session in
                try session.query("SELECT count(*) FROM delivery.queue WHERE tries = 1 AND claim IS NULL")
                    .onlyRow()[0, as: Int64.self] == 1
            }
        }
        #expect(try await ledger.value("SELECT canaries::text FROM delivery.destination") == "3")
        await ledger.close()
    }

    @Test func `our own desk that is away is told of without a partner's name`() async throws {
        let desk = SilentPort()
        defer { withExtendedLifetime(desk) {} }
        let ledger = try await TestLedger(desk: desk.url)
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        try await ledger.execute("DELETE FROM delivery.queue")
        _ = try await ledger.send(
            .inbound,
            "PUT",
            .agreements,
            agreement.id.text,
            token: agreement.token,
            body: #"{"status":"inactive"}"#,
        )
        // One message alone, which fails three times within a little more than a minute.
        try await ledger.withEngine(ledger.makeEngine(randomness: Self.noJitter)) { engine in
            for (number, pause) in [5, 60].enumerated() {
                _ = try await ledger.events(.attemptFailed, count: number + 1)
                ledger.clock.advance(by: .seconds(pause))
                engine.wake()
            }
            try await ledger.untilStates(["out"])
        }
        let change = try await ledger.events(.partnerStateChanged)[0]
        #expect(change.text(.facts) == #"{"v":1,"destination":"desk","state":"out"}"#)
        #expect(!change.text(.detail).contains("partner"))
        await ledger.close()
    }
}

extension TestLedger {
    /// The states that destinations came to, in order.
    fileprivate func states() async throws -> [String?] {
        try await store.read { session in try Self.states(in: &session) }
    }

    fileprivate func untilStates(_ states: [String?], seenBy ledgers: [TestLedger] = []) async throws {
        try await until("the states \(states)", seenBy: ledgers) { session in try Self.states(in: &session) == states }
    }

    private static func states(in session: inout PostgresSession) throws -> [String?] {
        try session.query(
            """
            SELECT ledger.json(f.content) ->> 'state'
            FROM ledger.event AS e
            JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
            WHERE e.type = 'partner.state_changed'
            ORDER BY e.position
            """
        ).decode((String?).self)
    }

    fileprivate func untilUnclaimed(seenBy ledgers: [TestLedger] = []) async throws {
        try await until("no claims", seenBy: ledgers) { session in
            try session.query("SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL")
                .onlyRow()[0, as: Int64.self] == 0
        }
    }

    fileprivate func tries() async throws -> Int {
        Int(try await value("SELECT sum(tries)::text FROM delivery.queue") ?? "") ?? -1
    }
}
