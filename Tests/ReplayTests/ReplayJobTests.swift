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

/// Replays that are held back, paced and given up.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayJobTests {
    @Test func `a paused replay sends nothing, what comes for its tickets waits, and goes behind it`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        for ticket in ["t1", "t2"] { try await ledger.share(ticket, under: scene.agreement) }
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        let id = try await ledger.start(ReplayRequest(try scene.share("t1"))).replay.receipt.position
        let paused = try await ledger.carryOut(.pause, on: id)
        try await ledger.update("t1", "behind", under: scene.agreement)
        try await ledger.update("t2", "free", under: scene.agreement)
        try await scene.run {
            try await scene.until("the other ticket", "SELECT count(*) = 2 FROM delivery.queue")
        }
        #expect(scene.desk.takeRequests().map { $0.target.suffix(2) } == ["t2"])
        var job = try await ledger.job(id)
        #expect(job.state == .paused && job.waitingCount == 1 && job.endedCount == 0)
        await #expect(throws: OperatorFault("replay \(id) is paused already")) {
            try await ledger.carryOut(.pause, on: id)
        }
        let resumed = try await ledger.carryOut(.resume, on: id)
        try await scene.deliver()
        #expect(scene.desk.takeRequests().map(\.method) == ["POST", "PUT"])
        job = try await ledger.job(id)
        #expect(job.state == .finished && job.ended[.delivered] == 1 && job.finished != nil)
        await #expect(throws: OperatorFault("replay \(id) is finished")) { try await ledger.carryOut(.cancel, on: id) }
        let orders = try await ledger.store.read { session in
            try session.query("SELECT position, operation, operator, reason, about_position FROM audit.operation")
                .decode((Position, String, String, String?, Position?).self)
        }
        let last = orders.suffix(2)
        #expect(last.map(\.0) == [paused.position, resumed.position])
        #expect(last.map(\.1) == ["replay pause", "replay resume"] && last.allSatisfy { $0.4 == id })
        #expect(last.allSatisfy { $0.2 == "tester" && $0.3 == "a test" })
        await scene.close()
    }

    @Test func `what is left of a cancelled replay goes, and what waits behind it is sent`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        for change in ["a", "b"] { try await ledger.update("t1", change, under: scene.agreement) }
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        let id = try await ledger.start(ReplayRequest(.agreement(scene.agreement.id))).replay.receipt.position
        try await ledger.update("t1", "behind", under: scene.agreement)
        let planned = try await ledger.job(id).itemCount
        try await ledger.carryOut(.cancel, on: id)
        // Whoever claims sees it before anything is taken out of the queue.
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue") == "\(planned + 1)")
        try await scene.deliver()
        #expect(scene.desk.takeRequests().map(\.method) == ["PUT"])
        let job = try await ledger.job(id)
        #expect(job.state == .cancelled && job.ended[.cancelled] == planned && job.endedCount == planned)
        let facts = try await ledger.lastEvent(.replayFinished).facts
        #expect(facts == #"{"v":1,"replay":\#(id),"items":\#(planned),"delivered":0,"cancelled":true}"#)
        for action in [ReplayControl.Action.pause, .resume] {
            await #expect(throws: OperatorFault("replay \(id) is cancelled")) {
                try await ledger.carryOut(action, on: id)
            }
        }
        await #expect(throws: OperatorFault("there is no replay 1; 'shareledger replay list' shows all")) {
            try await ledger.carryOut(.cancel, on: Position(rawValue: 1))
        }
        await scene.close()
    }

    @Test func `cancelling many takes them out page by page`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await scene.deliver()
        let id = try await ledger.start(ReplayRequest(try scene.share("t1"))).replay.receipt.position
        try await ledger.execute(
            """
            INSERT INTO delivery.queue (
                partner_id, stream_id, share_id, queue_position, item, message_position, message_id, replay_id,
                enqueued_at, due_at, is_head, is_barrier, kind)
            SELECT partner_id, stream_id, share_id, queue_position, number, message_position, message_id, replay_id,
                enqueued_at, due_at, false, is_barrier, kind
            FROM delivery.queue
            CROSS JOIN generate_series(1, 4500) AS number
            """
        )
        try await ledger.update("t1", "behind", under: scene.agreement)
        try await ledger.carryOut(.cancel, on: id)
        try await CancelledReplays.sweep(ledger.store)
        #expect(try await ledger.job(id).ended[.cancelled] == 4501)
        #expect(try await ledger.value("SELECT string_agg(is_head::text, ',') FROM delivery.queue") == "true")
        await scene.close()
    }

    @Test func `a replay keeps to its rate, and may catch up on a second`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        for number in 0..<30 { try await ledger.share("t\(number)", under: scene.agreement) }
        try await scene.deliver()
        let (plan, replay) = try await ledger.start(ReplayRequest(.partner("lens"), mode: .state, rate: 5))
        try await ledger.execute("UPDATE projection.partner SET concurrency = 100")
        #expect(plan.seconds == 6)
        #expect(try await ledger.lastEvent(.replayRequested).facts.contains(#""rate":5"#))
        #expect(try await ledger.job(replay.receipt.position).rate == 5)
        let now = Timestamp.now()
        var claimed: [Int] = []
        for milliseconds in [0, 0, 199, 201, 600, 700, 20_000, 20_001, 20_201] {
            claimed.append(try await ledger.claim(at: now.advanced(by: .milliseconds(milliseconds))))
        }
        #expect(claimed == [1, 0, 0, 1, 2, 0, 5, 0, 1])
        // The clock is set back by a day: what was written before counts for nothing.
        claimed = []
        for seconds in [-86_400, -86_400, -86_399] {
            claimed.append(try await ledger.claim(at: now.advanced(by: .seconds(seconds))))
        }
        #expect(claimed == [0, 0, 0], "nothing is due yet")
        try await ledger.execute("UPDATE delivery.queue SET due_at = due_at - interval '2 days'")
        claimed = []
        for milliseconds in [-86_400_000, -86_400_000, -86_399_800] {
            claimed.append(try await ledger.claim(at: now.advanced(by: .milliseconds(milliseconds))))
        }
        #expect(claimed == [1, 0, 1])
        await scene.close()
    }

    @Test func `what was skipped of a replay is told apart from what was delivered`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        for ticket in ["t1", "t2"] { try await ledger.share(ticket, under: scene.agreement) }
        try await scene.deliver()
        let id = try await ledger.start(ReplayRequest(.partner("lens"), mode: .state)).replay.receipt.position
        let first = try #require(
            try await ledger.store.read { session in
                try Delivery.QueuedDelivery.all(where: "q.replay_id = \(id)", in: &session).first
            }
        )
        _ = try await DeliveryOrders(store: ledger.store, warrant: TestLedger.warrant).skip(first)
        try await scene.deliver()
        let job = try await ledger.job(id)
        #expect(job.ended[.skipped] == 1 && job.ended[.delivered] == 1 && job.state == .finished)
        let rows = try await ledger.value(
            "SELECT string_agg(concat_ws(' ', item, outcome, attempts), ', ' ORDER BY item) FROM delivery.replay_outcome"
        )
        #expect(rows == "0 skipped 0, 1 delivered 1")
        await scene.close()
    }

    @Test func `what came after the plan into a lane that is taken over has the plan made again`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await ledger.execute(
            "UPDATE delivery.queue SET state = 'parked', reason = 'a test' WHERE share_id IS NOT NULL"
        )
        for mode in [ReplayRequest.Mode.messages, .state] {
            let plan = try await ledger.plan(ReplayRequest(try scene.share("t1"), mode: mode))
            #expect(plan.replacedCount > 0)
            try await ledger.update("t1", mode.rawValue, under: scene.agreement)
            #expect(try await ledger.replayer.start(plan, TestLedger.warrant) == nil)
        }
        try await ledger.start(ReplayRequest(try scene.share("t1")))
        try await scene.deliver()
        #expect(scene.desk.ticket("t1")?.subject == "state")
        await scene.close()
    }

    @Test func `what a cancelled replay had taken over is told as lost`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        let first = try await ledger.share("t1", under: scene.agreement)
        try await scene.deliver()
        let second = try await ledger.update("t1", "never", under: scene.agreement)
        try await ledger.execute("UPDATE delivery.queue SET state = 'parked', reason = 'a test'")
        let (plan, replay) = try await ledger.start(ReplayRequest(try scene.share("t1")))
        #expect(plan.replacedCount == 1 && plan.items.map(\.position) == [first.position, second.position])
        try await ledger.carryOut(.cancel, on: replay.receipt.position)
        try await CancelledReplays.sweep(ledger.store)
        let lost = try await ledger.store.read { session in
            try LostMessage.all(in: .first..<Position(rawValue: 1_000), limit: 10, in: &session)
        }
        #expect(lost.map(\.position) == [second.position])
        await scene.close()
    }

    @Test func `a replay that only an operator can move stands still`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        for ticket in ["t1", "t2"] { try await ledger.share(ticket, under: scene.agreement) }
        try await scene.deliver()
        let id = try await ledger.start(ReplayRequest(.partner("lens"), mode: .state)).replay.receipt.position
        #expect(try await ledger.job(id).standsStill == false)
        scene.desk.refuse(with: 400)
        try await scene.run {
            try await scene.until("both parked", "SELECT count(*) = 2 FROM delivery.queue WHERE state = 'parked'")
        }
        let job = try await ledger.job(id)
        #expect(job.standsStill && job.parkedCount == 2 && job.finished == nil)
        await scene.close()
    }
}

extension TestLedger {
    @discardableResult
    fileprivate func carryOut(_ action: ReplayControl.Action, on replay: Position) async throws -> Receipt {
        try await ReplayControl(store: store, operator: "tester", reason: "a test").carryOut(action, on: replay)
    }

    fileprivate func job(_ id: Position) async throws -> ReplayJob {
        try #require(try await store.read { session in try ReplayJob.at(id, in: &session) })
    }

    /// How many deliveries can be claimed at a moment.
    fileprivate func claim(at now: Timestamp) async throws -> Int {
        try await store.read { session in
            try session.query("SELECT FROM delivery.claim(gen_random_uuid(), 60, \(now), 50, 10000000, 0, 0)").count
        }
    }
}
