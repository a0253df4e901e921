import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

/// Replays that are enqueued in several transactions, between which the ledger goes on.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayPageTests {
    /// Five tickets with two messages each, all acknowledged; pages of two tickets.
    private func scene() async throws -> (scene: Scene, replayer: Replayer, request: ReplayRequest) {
        let scene = try await Scene()
        for number in 1...5 {
            try await scene.ledger.share("t\(number)", under: scene.agreement)
            try await scene.ledger.update("t\(number)", "a", under: scene.agreement)
        }
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        let filter = ReplayRequest.Filter(types: [.ticketShared, .ticketUpdated])
        return (
            scene, Replayer(store: scene.ledger.store, pageItemCount: 4),
            ReplayRequest(.agreement(scene.agreement.id), filter: filter)
        )
    }

    private func state(_ ledger: TestLedger) async throws -> String? {
        try await ledger.store.read { session in try ReplayJob.all(in: &session).last?.state.rawValue }
    }

    @Test func `nothing is sent before all of it is in the queue, and then each ticket in order`() async throws {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        var outcome: Replayer.Outcome?
        try await scene.run {
            outcome = try await replayer.start(request, TestLedger.warrant) { count, total in
                #expect(total == 10 && [4, 8, 10].contains(count))
                guard count < total else { return }
                // An engine runs beside it, and looks twenty times in that time.
                try? await Task.sleep(for: .milliseconds(400))
                #expect(scene.desk.takeRequests().isEmpty)
                let state = try? await state(ledger)
                #expect(state == "preparing")
            }
            try await scene.until("an empty queue", "SELECT NOT EXISTS (SELECT FROM delivery.queue)")
        }
        guard case .started(let plan, let replay)? = outcome else {
            Issue.record("the replay was not started")
            return
        }
        #expect(replay.itemCount == 10 && plan.items.count == 10)
        let sent = scene.desk.takeRequests()
        #expect(sent.count == 10)
        for number in 1...5 {
            #expect(sent.filter { $0.target.hasSuffix("t\(number)") }.map(\.method) == ["POST", "PUT"])
        }
        await scene.close()
    }

    @Test func `what comes between two pages goes behind the lanes that are in the queue, and again behind the others`()
        async throws
    {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        try await scene.run {
            let outcome = try await replayer.start(request, TestLedger.warrant) { count, _ in
                guard count == 4 else { return }
                for ticket in ["t1", "t5"] { _ = try? await ledger.update(ticket, "new", under: scene.agreement) }
                // That of the ticket which is not in the queue yet goes at once.
                try? await scene.until(
                    "a delivery",
                    "SELECT count(*) = 1 FROM delivery.queue WHERE replay_id IS NULL"
                )
            }
            guard case .started(_, let replay) = outcome else {
                Issue.record("the replay was not started")
                return
            }
            #expect(replay.itemCount == 11)
            try await scene.until("an empty queue", "SELECT NOT EXISTS (SELECT FROM delivery.queue)")
        }
        let sent = scene.desk.takeRequests()
        #expect(sent.filter { $0.target.hasSuffix("t1") }.map(\.method) == ["POST", "PUT", "PUT"])
        #expect(sent.filter { $0.target.hasSuffix("t5") }.map(\.method) == ["PUT", "POST", "PUT", "PUT"])
        for ticket in ["t1", "t5"] {
            #expect(scene.desk.ticket(ticket)?.encoded() == (try await scene.held(ticket)).encoded())
        }
        await scene.close()
    }

    @Test func `what changes the agreement between two pages has it planned again, and nothing is sent twice`()
        async throws
    {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        try await scene.run {
            let outcome = try await replayer.start(request, TestLedger.warrant) { count, _ in
                guard count == 4, (try? await ledger.value("SELECT count(*)::text FROM delivery.replay")) == "1" else {
                    return
                }
                let body = #"{"name":"Renamed"}"#
                _ = try? await ledger.send(.outbound, "PUT", .agreements, "a1", scene.agreement, body: body)
            }
            guard case .started(_, let replay) = outcome else {
                Issue.record("the replay was not started")
                return
            }
            #expect(replay.itemCount == 10)
            try await scene.until(
                "the end of both",
                "SELECT count(*) = 2 FROM delivery.replay WHERE finished_at IS NOT NULL"
            )
        }
        #expect(scene.desk.takeRequests().filter { $0.target.contains("/tickets/") }.count == 10)
        let outcomes = try await ledger.value(
            "SELECT string_agg(outcome || ' ' || n, ',' ORDER BY outcome) FROM (SELECT outcome, count(*) AS n FROM delivery.replay_outcome GROUP BY 1) AS o"
        )
        #expect(outcomes == "cancelled 4,delivered 10")
        await scene.close()
    }

    /// As it stands when whoever enqueued it has died between two pages.
    private func leave(_ replayer: Replayer, _ request: ReplayRequest, in ledger: TestLedger) async throws {
        await #expect(throws: CancellationError.self) {
            _ = try await replayer.start(request, TestLedger.warrant) { count, _ in
                if count == 8 { throw CancellationError() }
            }
        }
        // Whoever is interrupted takes it back; who is dead cannot.
        #expect(try await state(ledger) == "cancelled")
        try await ledger.execute(
            """
            UPDATE delivery.replay
            SET cancelled_at = NULL,
                prepared_until = now() + interval '1 minute'
            WHERE finished_at IS NULL
            """
        )
    }

    @Test func `a replay that nobody goes on enqueueing is given up, and what waits behind it goes`() async throws {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        try await leave(replayer, request, in: ledger)
        #expect(try await state(ledger) == "preparing")
        try await ledger.update("t1", "new", under: scene.agreement)
        // It is given a minute; a claim within it leaves all alone.
        try await scene.run { try await Task.sleep(for: .milliseconds(300)) }
        #expect(scene.desk.takeRequests().isEmpty)
        #expect(try await state(ledger) == "preparing")
        try await ledger.execute("UPDATE delivery.replay SET prepared_until = now() - interval '1 second'")
        try await scene.deliver()
        #expect(try await state(ledger) == "cancelled")
        #expect(scene.desk.takeRequests().map(\.method) == ["PUT"])
        let detail = try await ledger.lastEvent(.replayCancelled).detail
        #expect(detail.contains("whoever enqueued it was gone"))
        await scene.close()
    }

    @Test func `nothing that stands still is skipped for a replay that does not come to be`() async throws {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        try await ledger.update("t1", "stuck", under: scene.agreement)
        try await ledger.park("t1")
        try await leave(replayer, request, in: ledger)
        let parked: SQL = "SELECT count(*)::text FROM delivery.queue WHERE replay_id IS NULL AND state = 'parked'"
        #expect(try await ledger.value(parked) == "1")
        try await ledger.execute("UPDATE delivery.replay SET prepared_until = now() - interval '1 second'")
        try await scene.run {
            try await scene.until("its end", "SELECT bool_and(finished_at IS NOT NULL) FROM delivery.replay")
        }
        #expect(try await ledger.value(parked) == "1")
        // The one that comes to be takes its place.
        guard case .started = try await replayer.start(request, TestLedger.warrant) else {
            Issue.record("the replay was not started")
            return
        }
        #expect(try await ledger.value(parked) == "0")
        try await scene.deliver()
        #expect(scene.desk.ticket("t1")?.encoded() == (try await scene.held("t1")).encoded())
        await scene.close()
    }

    @Test func `an operator's cancel while it is enqueued is not undone`() async throws {
        let (scene, replayer, request) = try await scene()
        let store = scene.ledger.store
        await #expect(throws: ReplayCancelled.self) {
            _ = try await replayer.start(request, TestLedger.warrant) { count, _ in
                guard count == 4, let job = try await store.read({ try ReplayJob.all(in: &$0) }).last else { return }
                _ = try await ReplayControl(store: store, operator: "test").carryOut(.cancel, on: job.id)
            }
        }
        #expect(try await state(scene.ledger) == "cancelled")
        #expect(try await scene.ledger.value("SELECT count(*)::text FROM delivery.replay") == "1")
        try await scene.deliver()
        #expect(scene.desk.takeRequests().isEmpty)
        await scene.close()
    }

    @Test func `a ticket that is not of a replay does not wait for it, whatever agreement messages that holds`()
        async throws
    {
        let (scene, _, _) = try await scene()
        let ledger = scene.ledger
        let body = #"{"name":"Renamed"}"#
        try await ledger.send(.outbound, "PUT", .agreements, "a1", scene.agreement, body: body)
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        // The agreement's last message comes after eleven others, at one a second.
        let (_, replay) = try await ledger.start(ReplayRequest(.agreement(scene.agreement.id), rate: 1))
        try await ledger.share("n1", under: scene.agreement)
        let arrived: SQL = "SELECT NOT EXISTS (SELECT FROM delivery.queue WHERE replay_id IS NULL)"
        try await scene.run { try await scene.until("a new ticket", arrived) }
        #expect(try await ledger.value("SELECT (count(*) > 6)::text FROM delivery.queue") == "true")
        let control = ReplayControl(store: ledger.store, operator: "test")
        _ = try await control.carryOut(.pause, on: replay.receipt.position)
        try await ledger.share("n2", under: scene.agreement)
        try await ledger.send(.outbound, "PUT", .agreements, "a1", scene.agreement, body: #"{"name":"Again"}"#)
        try await scene.run {
            try await scene.until(
                "another one",
                "SELECT NOT EXISTS (SELECT FROM delivery.queue WHERE replay_id IS NULL AND share_id IS NOT NULL)"
            )
        }
        await scene.close()
    }

    @Test func `a partner that has lost an agreement gets it before new tickets under it`() async throws {
        let (scene, _, _) = try await scene()
        let ledger = scene.ledger
        try await ledger.start(ReplayRequest(.agreement(scene.agreement.id)))
        try await ledger.share("n1", under: scene.agreement)
        try await scene.deliver()
        let sent = scene.desk.takeRequests()
        let agreement = try #require(sent.firstIndex { $0.target.contains("/agreements/") })
        let new = try #require(sent.firstIndex { $0.target.hasSuffix("/n1") })
        #expect(agreement < new)
        await scene.close()
    }
}
