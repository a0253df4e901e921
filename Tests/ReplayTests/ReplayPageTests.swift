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

    @Test func `a replay that nobody goes on enqueueing is given up, and what waits behind it goes`() async throws {
        let (scene, replayer, request) = try await scene()
        let ledger = scene.ledger
        await #expect(throws: CancellationError.self) {
            _ = try await replayer.start(request, TestLedger.warrant) { count, _ in
                if count == 8 { throw CancellationError() }
            }
        }
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
}
