import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayerTests {
    private func scope(_ agreement: TestAgreement, _ ticket: String) throws -> ReplayRequest.Scope {
        .share(agreement.id, try #require(TicketID(ticket)))
    }

    /// What a ledger and its queue hold, to be compared.
    private func contents(_ ledger: TestLedger) async throws -> String {
        try await ledger.value(
            """
            SELECT concat_ws('|',
                (SELECT count(*) FROM ledger.event),
                (SELECT count(*) FROM delivery.replay),
                (SELECT json_agg(q ORDER BY delivery_id) FROM delivery.queue AS q))
            """
        )
    }

    @Test func `a plan writes nothing, however often it is made, and neither does a refused start`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let last = try await ledger.update("t1", "new", under: agreement)
        let before = try await contents(ledger)
        let request = ReplayRequest(.partner("lens"), endsWithState: true)
        let plans = [try await ledger.plan(request), try await ledger.plan(request), try await ledger.plan(request)]
        #expect(plans.allSatisfy { $0 == plans[0] } && !plans[0].isRefused)
        let early = ReplayRequest(try scope(agreement, "t1"), to: .position(last.position))
        guard case .refused = try await ledger.replayer.start(early, TestLedger.warrant) else {
            Issue.record("a refused plan was carried out")
            return
        }
        #expect(try await contents(ledger) == before)
        await ledger.close()
    }

    @Test func `a replay is an event, a row and a place in the queue for each message`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let messages = [
            try await ledger.share("t1", under: agreement), try await ledger.share("t2", under: agreement),
            try await ledger.update("t1", "a", under: agreement),
        ]
        try await ledger.deliverAll()
        let (plan, replay) = try await ledger.start(ReplayRequest(.agreement(agreement.id)))
        let rows = try await ledger.queue()
        #expect(plan.messageCount == 4 && replay.itemCount == 4)
        #expect(rows.map(\.item) == [0, 1, 2, 3] && rows.allSatisfy { $0.replay == replay.receipt.position })
        #expect(rows.map(\.message) == plan.items.map(\.position))
        #expect(rows.dropFirst().map(\.message) == messages.map(\.position))
        #expect(rows.map(\.ticket) == [nil, "t1", "t2", "t1"])
        #expect(rows.map(\.isHead) == [true, true, true, false])
        #expect(rows.map(\.isBarrier) == [true, false, false, false])
        #expect(rows.allSatisfy { $0.kind == "message" })
        let (event, facts, detail) = try await ledger.lastEvent(.replayRequested)
        let id = replay.receipt.position
        #expect(event.position == id && event.stream == .system && event.event == replay.receipt.event)
        #expect(
            facts == """
                {"v":1,"replay":\(id),"mode":"messages","agreement":"a1","then_state":false,"items":4,"messages":4,\
                "states":0,"lanes":3,"skipped":0,"planned_at":\(plan.end),\
                "positions":[\(plan.items.map { "\($0.position)" }.joined(separator: ","))]}
                """
        )
        #expect(detail == #"{"v":1,"partner":"lens","reason":"a test","operator":"tester"}"#)
        let row = try await ledger.value(
            "SELECT concat_ws('|', replay_id, mode, reason, operator, item_count, finished_at) FROM delivery.replay"
        )
        #expect(row == "\(id)|messages|a test|tester|4")
        await ledger.close()
    }

    @Test func `the state of a ticket is one row, behind what is sent before it`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let first = try await ledger.share("t1", under: agreement)
        let second = try await ledger.update("t1", "a", under: agreement)
        let theirs = try await ledger.update("t1", "b", under: agreement, .inbound)
        try await ledger.deliverAll()
        let request = ReplayRequest(try scope(agreement, "t1"), to: .position(second.position), endsWithState: true)
        let (_, replay) = try await ledger.start(request)
        let rows = try await ledger.queue()
        #expect(rows.map(\.message) == [first.position, theirs.position])
        #expect(rows.map(\.kind) == ["message", "state"] && rows.map(\.isHead) == [true, false])
        #expect(rows.allSatisfy { !$0.isBarrier })
        let again = try await ledger.start(ReplayRequest(.agreement(agreement.id), mode: .state)).replay
        let last = try #require(try await ledger.queue().last)
        #expect(last.kind == "state" && last.replay == again.receipt.position && !last.isHead)
        #expect(replay.receipt.position < again.receipt.position)
        await ledger.close()
    }

    @Test func `a replay of thousands is one lane with one head`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: agreement)
        // Two pages of reading and of writing.
        try await ledger.updates(5_200, of: "t1", under: agreement)
        try await ledger.execute("DELETE FROM delivery.queue")
        let (plan, replay) = try await ledger.start(ReplayRequest(.agreement(agreement.id)))
        let rows = try await ledger.queue()
        #expect(replay.itemCount == 5_203 && rows.count == 5_203)
        #expect(rows.map(\.item) == Array(0..<5_203) && rows.map(\.message) == plan.items.map(\.position))
        #expect(rows.filter(\.isHead).map(\.item) == [0, 1, 2])
        let facts = try await ledger.lastEvent(.replayRequested).facts
        #expect(facts.split(separator: ",").count < 1_020)
        await ledger.close()
    }

    // MARK: Between plan and start

    @Test func `what is sent between plan and start is sent again behind it`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        try await ledger.deliverAll()
        let plan = try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))
        let new = try await ledger.update("t1", "new", under: agreement)
        try await ledger.share("t2", under: agreement)
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        let replay = try #require(try await ledger.replayer.start(plan, TestLedger.warrant))
        #expect(replay.itemCount == 2)
        let lane = try await ledger.queue().filter { $0.ticket == "t1" }
        #expect(lane.map(\.message) == [new.position] + plan.items.map(\.position) + [new.position])
        #expect(lane.map(\.isHead) == [true, false, false])
        await ledger.close()
    }

    @Test func `a plan that does not hold any more is not carried out`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let first = try await ledger.share("t1", under: agreement)
        try await ledger.deliverAll()
        let share = try scope(agreement, "t1")
        func isStale(_ request: ReplayRequest, _ change: () async throws -> Void) async throws -> Bool {
            let plan = try await ledger.plan(request)
            #expect(!plan.isRefused)
            try await change()
            let before = try await contents(ledger)
            let started = try await ledger.replayer.start(plan, TestLedger.warrant)
            if started == nil { #expect(try await contents(ledger) == before) }
            return started == nil
        }
        #expect(
            try await isStale(ReplayRequest(share, to: .position(first.position.next))) {
                try await ledger.update("t1", "new", under: agreement)
            }
        )
        #expect(try await isStale(ReplayRequest(share)) { try await ledger.setPaused(true, "lens") })
        #expect(
            try await isStale(ReplayRequest(share)) { try await ledger.setStatus(.inactive, of: agreement, .inbound) }
        )
        try await ledger.setStatus(.accepted, of: agreement, .inbound)
        #expect(
            try await isStale(ReplayRequest(share)) {
                try await ledger.ticket("DELETE", "t1", under: agreement, .inbound)
            }
        )
        await ledger.close()
    }

    @Test func `while our desk goes on, a lane never ends with older values than it sent`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        for ticket in ["t1", "t2"] { try await ledger.share(ticket, under: agreement) }
        try await withThrowingTaskGroup { group in
            for ticket in ["t1", "t2"] {
                group.addTask {
                    for number in 0..<60 { try await ledger.update(ticket, "s\(number)", under: agreement) }
                }
            }
            group.addTask {
                for _ in 0..<15 {
                    _ = try await ledger.start(ReplayRequest(.partner("lens")))
                    _ = try await ledger.start(ReplayRequest(.partner("lens"), mode: .state))
                }
            }
            try await group.waitForAll()
        }
        let rows = try await ledger.queue()
        for ticket in ["t1", "t2"] {
            let lane = rows.filter { $0.ticket == ticket }
            let newest = try #require(lane.map(\.message).max())
            #expect(lane.last?.message == newest || lane.last?.kind == "state")
            #expect(lane.filter(\.isHead).count == 1 && lane[0].isHead)
            // Every replay sends all that was sent before it, in order and no more, or the state alone.
            let replays = Set(lane.compactMap(\.replay))
            var stateCount = 0
            for replay in replays {
                let items = lane.filter { $0.replay == replay }
                if items.map(\.kind) == ["state"] {
                    stateCount += 1
                    continue
                }
                let before = lane.filter { $0.replay == nil && $0.message < replay }.map(\.message)
                #expect(items.map(\.message) == before && !before.isEmpty)
                #expect(items.allSatisfy { $0.kind == "message" })
            }
            #expect(replays.count == 30 && stateCount == 15)
        }
        await ledger.close()
    }

    // MARK: Lanes that stand still

    @Test func `a lane that stands still is taken over, with an event for each delivery that is skipped`() async throws
    {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        try await ledger.deliverAll()
        let stuck = try await ledger.update("t1", "a", under: agreement)
        let waiting = try await ledger.update("t1", "b", under: agreement)
        let other = try await ledger.share("t2", under: agreement)
        try await ledger.park("t1")
        let (plan, replay) = try await ledger.start(ReplayRequest(.agreement(agreement.id)))
        #expect(plan.replacedCount == 2 && plan.warnings.counts == [.takesOver: 1, .waiting: 1])
        let rows = try await ledger.queue()
        #expect(rows.first.map { $0.message == other.position && $0.replay == nil } == true)
        #expect(rows.dropFirst().map(\.message) == plan.items.map(\.position))
        #expect(rows.filter { $0.ticket == "t1" }.map(\.isHead) == [true, false, false])
        #expect(rows.filter { $0.ticket == "t2" }.map(\.isHead) == [true, false])
        let skipped = try await ledger.store.read { session in
            try LedgerReader.events(where: "e.type = 'delivery.skipped'", in: &session)
        }
        #expect(skipped.map(\.about) == [stuck.event, waiting.event])
        #expect(skipped.map(\.position.rawValue) == [1, 2].map { replay.receipt.position.rawValue + $0 })
        #expect(skipped.allSatisfy { $0.ticket == "t1" && $0.direction == .outbound && $0.stream == .agreement("a1") })
        let last = try await ledger.lastEvent(.deliverySkipped)
        let id = replay.receipt.position
        #expect(last.facts == #"{"v":1,"destination":"partner","message":\#(waiting.position),"replaced_by":\#(id)}"#)
        #expect(last.detail == #"{"v":1,"partner":"lens","reason":"a test","operator":"tester"}"#)
        await ledger.close()
    }

    @Test func `a lane that stands still at a message outside of the range is not queued behind`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let last = try await ledger.update("t1", "a", under: agreement)
        try await ledger.park("t1")
        let share = try scope(agreement, "t1")
        let plan = try await ledger.plan(ReplayRequest(share, from: .position(last.position)))
        #expect(plan.refusals.counts == [.blocked: 1])
        let state = try await ledger.start(ReplayRequest(share, mode: .state))
        #expect(state.plan.replacedCount == 2)
        #expect(try await ledger.queue().filter { $0.ticket == "t1" }.map(\.kind) == ["state"])
        // A state that stands still is taken over by another, or by all messages, but not by some.
        try await ledger.park("t1")
        #expect(
            try await ledger.plan(ReplayRequest(share, from: .position(last.position))).refusals.counts == [.blocked: 1]
        )
        #expect(try await ledger.plan(ReplayRequest(share)).replacedCount == 1)
        let plan2 = try await ledger.plan(ReplayRequest(share))
        try await ledger.start(ReplayRequest(share, mode: .state))
        #expect(try await ledger.replayer.start(plan2, TestLedger.warrant) == nil)
        await ledger.close()
    }
}

extension TestLedger {
    /// So many updates of one ticket, many in a transaction.
    func updates(_ count: Int, of ticket: String, under agreement: TestAgreement) async throws {
        for start in stride(from: 0, to: count, by: 400) {
            let captures = (start..<min(start + 400, count)).map { number in
                capture(.outbound, "PUT", .tickets, ticket, agreement, body: #"{"subject":"s\#(number)"}"#)
            }
            let answers = try await store.appender.append(StateKeys(of: captures[0]), byteCount: 400_000) {
                transaction in
                var statuses: [Int] = []
                for capture in captures { statuses.append(transaction.decide(capture) { true }.status) }
                return statuses
            }
            try #require(answers.allSatisfy { $0 == 200 })
        }
    }
}
