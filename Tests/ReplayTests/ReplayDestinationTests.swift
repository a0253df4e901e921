import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Projections
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Replays to our own desk and to a sandbox, over real sockets.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayDestinationTests {
    /// What the ledger says that the partner holds and has answered, which no replay to anybody else may change.
    private func partnersSide(_ scene: Scene) async throws -> [String] {
        let acknowledged = try await scene.ledger.value(
            """
            SELECT string_agg(concat_ws(' ', ticket, messages_acknowledged, acknowledged_at, public_comments_acknowledged), ',' ORDER BY ticket)
            FROM audit.shared_with
            """
        )
        var side = [acknowledged]
        for ticket in ["t1", "t2"] {
            side.append(String(decoding: try await scene.held(ticket, .partner).encoded(), as: UTF8.self))
        }
        return side
    }

    /// Two tickets that both sides have written to, and one that is shared no more.
    private func tell(_ scene: Scene) async throws {
        let ledger = scene.ledger
        for ticket in ["t1", "t2", "t3"] { try await ledger.share(ticket, under: scene.agreement) }
        try await ledger.update("t1", "theirs", under: scene.agreement, .inbound)
        try await ledger.update("t1", "ours", under: scene.agreement)
        try await ledger.update("t2", "ours", under: scene.agreement)
        try await ledger.update("t2", "theirs", under: scene.agreement, .inbound)
        try await ledger.ticket("DELETE", "t3", under: scene.agreement)
        try await scene.deliver()
    }

    @Test func `a desk that lost its data is told the whole story of an agreement`() async throws {
        let ours = try FakeDesk()
        ours.hold(["t1", "t2", "t3"])
        let scene = try await Scene(ours: ours)
        try await tell(scene)
        let before = try await partnersSide(scene)
        ours.loseTickets()
        _ = (ours.takeRequests(), scene.desk.takeRequests())
        let (plan, replay) = try await scene.ledger.start(
            ReplayRequest(.agreement(scene.agreement.id), target: .desk)
        )
        #expect(plan.messageCount == 10)
        try await scene.deliver()
        #expect(scene.desk.takeRequests().isEmpty, "the partner has nothing to do with it")
        let told = ours.takeRequests()
        #expect(told.count == 10)
        let agreement = told.filter { $0.target.contains("/agreements/") }
        #expect(agreement.map(\.method) == ["POST", "PUT"])
        #expect(told.first?.target.hasSuffix("/agreements/a1") == true)
        for ticket in ["t1", "t2"] {
            #expect(ours.ticket(ticket)?.encoded() == (try await scene.held(ticket)).encoded())
        }
        #expect(ours.ticket("t3") == nil)
        #expect(
            told.filter { $0.target.contains("/tickets/") }.allSatisfy {
                $0.headers.first("X-Ticket-Sharing-Token") == scene.agreement.token
            }
        )
        #expect(try await scene.finished(replay).contains(#""items":10,"delivered":10"#))
        #expect(try await partnersSide(scene) == before)
        let destinations = try await scene.ledger.value(
            "SELECT string_agg(DISTINCT destination, ',') FROM audit.delivery WHERE replay = \(replay.receipt.position)"
        )
        #expect(destinations == "desk")
        await scene.close()
        await ours.stop()
    }

    @Test func `a desk gets the tickets as they stand, whichever of them it still has`() async throws {
        let ours = try FakeDesk()
        ours.hold(["t1", "t2", "t3"])
        let scene = try await Scene(ours: ours)
        try await tell(scene)
        ours.loseTickets()
        try await scene.ledger.start(
            ReplayRequest(
                .share(scene.agreement.id, try #require(TicketID("t1"))),
                mode: .state,
                target: .desk,
            )
        )
        try await scene.deliver()
        _ = ours.takeRequests()
        let before = try await partnersSide(scene)
        let (plan, _) = try await scene.ledger.start(
            ReplayRequest(.partner("lens"), mode: .state, target: .desk)
        )
        #expect(plan.stateCount == 2 && plan.warnings.counts == [.unshared: 1])
        try await scene.deliver()
        let told = ours.takeRequests().map { "\($0.method) \($0.target.suffix(2))" }
        #expect(told.filter { $0.hasSuffix("t1") } == ["POST t1", "PUT t1"] && told.contains("POST t2"))
        for ticket in ["t1", "t2"] {
            #expect(ours.ticket(ticket)?.encoded() == (try await scene.held(ticket)).encoded())
        }
        #expect(try await partnersSide(scene) == before)
        await scene.close()
        await ours.stop()
    }

    @Test func `what our desk or a sandbox has answered is not acknowledged by the partner`() async throws {
        let ours = try FakeDesk()
        ours.hold(["t1", "t2", "t3"])
        let scene = try await Scene(ours: ours)
        try await tell(scene)
        try await scene.ledger.setPaused(true, "lens")
        try await scene.ledger.update("t1", "held", under: scene.agreement)
        let before = try await partnersSide(scene)
        let sandbox = ReplayTarget.sandbox(
            .init(try BaseURL(ours.url), allowsHTTP: true, allowsPrivateAddress: true)
        )
        for target in [ReplayTarget.desk, sandbox] {
            for mode in ReplayRequest.Mode.allCases {
                try await scene.ledger.start(ReplayRequest(try scene.share("t1"), mode: mode, target: target))
            }
        }
        try await scene.run {
            try await scene.until(
                "four replays' ends",
                "SELECT count(*) = 4 FROM delivery.replay WHERE finished_at IS NOT NULL"
            )
        }
        #expect(try await partnersSide(scene) == before)
        // Nor is it what the last attempt to the partner came to.
        let attempts = try await scene.ledger.value(
            """
            SELECT string_agg(concat_ws(' ', destination, state, coalesce(last_attempt, 'none')), ',' ORDER BY 1)
            FROM audit.delivery
            WHERE replay IS NULL
                AND finished_at IS NULL
            """
        )
        #expect(attempts == "partner waiting none")
        let waiting = try await scene.ledger.plan(
            ReplayRequest(try scene.share("t1"), filter: .init(extent: .unacknowledged))
        )
        #expect(waiting.messageCount == 1)
        await scene.close()
        await ours.stop()
    }

    @Test func `a message to our desk that was lost is named, and a replay mends it`() async throws {
        let ours = try FakeDesk()
        ours.hold(["t1", "t2", "t3"])
        let scene = try await Scene(ours: ours)
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await scene.deliver()
        let lost = try await ledger.update("t1", "theirs", under: scene.agreement, .inbound)
        try await ledger.execute("DELETE FROM delivery.queue WHERE message_position = \(lost.position)")
        func missing() async throws -> [Position] {
            try await ledger.store.read { session in
                try LostMessage.all(in: .first..<Position(rawValue: .max), limit: 10, in: &session).map(\.position)
            }
        }
        #expect(try await missing() == [lost.position])
        // What the partner or a sandbox gets does not bring it to our desk.
        try await ledger.start(ReplayRequest(try scene.share("t1"), mode: .state))
        try await scene.deliver()
        #expect(try await missing() == [lost.position])
        try await ledger.start(
            ReplayRequest(try scene.share("t1"), filter: .init(extent: .unacknowledged), target: .desk)
        )
        try await scene.deliver()
        #expect(try await missing().isEmpty)
        // What was taken over by one replay and then by another that was cancelled is lost as well.
        ours.refuse(with: 422)
        let stuck = try await ledger.update("t1", "stuck", under: scene.agreement, .inbound)
        func park() async throws {
            try await scene.run {
                try await scene.until(
                    "a parked lane",
                    "SELECT EXISTS (SELECT FROM delivery.queue WHERE state = 'parked')"
                )
            }
        }
        try await park()
        let last = ReplayRequest(
            try scene.share("t1"),
            from: .position(stuck.position),
            filter: .init(directions: [.inbound]),
            target: .desk
        )
        try await ledger.start(last)
        try await park()
        #expect(try await missing().isEmpty)
        let (_, second) = try await ledger.start(last)
        _ = try await ReplayControl(store: ledger.store, operator: "test").carryOut(
            .cancel,
            on: second.receipt.position
        )
        try await scene.deliver()
        #expect(try await missing() == [stuck.position])
        await scene.close()
        await ours.stop()
    }

    @Test(arguments: ReplayRequest.Mode.allCases)
    func `a sandbox gets what the partner would, and no credential`(_ mode: ReplayRequest.Mode) async throws {
        let sandbox = try FakeDesk()
        let scene = try await Scene()
        try await tell(scene)
        let before = try await partnersSide(scene)
        _ = scene.desk.takeRequests()
        let target = ReplayTarget.sandbox(
            .init(try BaseURL(sandbox.url), allowsHTTP: true, allowsPrivateAddress: true)
        )
        let (_, replay) = try await scene.ledger.start(
            ReplayRequest(.agreement(scene.agreement.id), mode: mode, target: target)
        )
        // As if it had not answered before; nobody asks that of a sandbox whose replay has ended.
        try await scene.ledger.execute(
            """
            INSERT INTO delivery.destination (
                partner_id, state, failures, history, refusals, in_flight_limit, canaries)
            VALUES (-\(replay.receipt.position)::bigint, 'struggling', 1, 1, 0, 1, 0)
            """
        )
        try await scene.deliver()
        #expect(
            try await scene.ledger.value("SELECT count(*)::text FROM delivery.destination WHERE partner_id < 0") == "0"
        )
        #expect(scene.desk.takeRequests().isEmpty)
        let sent = sandbox.takeRequests()
        let tickets = sent.filter { $0.target.contains("/tickets/") }
        #expect(!tickets.isEmpty && (mode == .messages) == (sent.count > tickets.count))
        #expect(tickets.allSatisfy { $0.headers.first("X-Ticket-Sharing-Token") == "a1:[secret]" })
        for request in sent {
            let text = String(decoding: request.body, as: UTF8.self)
            #expect(!text.contains(TestLedger.key) && !request.headers.contains { $0.value.contains(TestLedger.key) })
        }
        if mode == .messages { #expect(String(decoding: sent[0].body, as: UTF8.self).contains("[secret]")) }
        if mode == .state { #expect(sandbox.ticket("t2")?.subject == "theirs") }
        #expect(try await partnersSide(scene) == before)
        #expect(
            try await scene.ledger.value(
                "SELECT count(*)::text FROM ledger.event WHERE type LIKE 'attempt.%' AND direction IS NULL"
            ) == "\(2 * sent.count)"
        )
        let end = try await scene.finished(replay)
        #expect(end.contains(mode == .messages ? #""delivered":7"# : #""delivered":2"#), "\(end)")
        await scene.close()
        await sandbox.stop()
    }

    @Test func `a sandbox without TLS or at a private address is sent nothing unless that is allowed`() async throws {
        let sandbox = try FakeDesk()
        let scene = try await Scene()
        try await tell(scene)
        for (allowsHTTP, allowsPrivateAddress, reason) in [
            (false, true, "--allow-http"), (true, false, "--allow-private-address"),
        ] {
            let target = ReplayTarget.sandbox(
                .init(
                    try BaseURL(sandbox.url),
                    allowsHTTP: allowsHTTP,
                    allowsPrivateAddress: allowsPrivateAddress,
                )
            )
            let (_, replay) = try await scene.ledger.start(
                ReplayRequest(try scene.share("t1"), target: target)
            )
            try await scene.run {
                try await scene.until(
                    "a failed attempt",
                    """
                    SELECT EXISTS (
                        SELECT
                        FROM audit.attempt
                        WHERE replay = \(replay.receipt.position)
                            AND outcome = 'failed'
                            AND reason LIKE '%' || \(reason) || '%'
                    )
                    """
                )
            }
            let control = ReplayControl(store: scene.ledger.store, operator: "test")
            _ = try await control.carryOut(.cancel, on: replay.receipt.position)
        }
        #expect(sandbox.takeRequests().isEmpty)
        await scene.close()
        await sandbox.stop()
    }
}
