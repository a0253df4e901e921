import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayPlanTests {
    private func scope(_ agreement: TestAgreement, _ ticket: String) throws -> ReplayRequest.Scope {
        .share(agreement.id, try #require(TicketID(ticket)))
    }

    /// Codes of what speaks against a plan.
    private func refusals(_ plan: ReplayPlan) -> Set<ReplayNotice.Code> { Set(plan.refusals.counts.keys) }

    private func warnings(_ plan: ReplayPlan) -> Set<ReplayNotice.Code> { Set(plan.warnings.counts.keys) }

    // MARK: Selection and order

    @Test func `a share's messages are those to the partner, in order`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let first = try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: agreement)
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        let second = try await ledger.update("t1", "ours", under: agreement)
        try await ledger.deliverAll()
        let third = try await ledger.update("t1", "last", under: agreement)
        let plan = try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))
        #expect(plan.items.map(\.position) == [first, second, third].map(\.position))
        #expect(plan.items.map(\.event) == [first, second, third].map(\.event))
        #expect(plan.items.allSatisfy { $0.kind == .message })
        #expect(plan.messageCount == 3 && plan.stateCount == 0 && plan.acknowledgedCount == 2)
        #expect(plan.messageRange == first.position...third.position)
        #expect(plan.lanes.count == 1 && plan.lanes[0].ticket?.text == "t1" && plan.lanes[0].waitingCount == 1)
        #expect(!plan.isRefused && warnings(plan) == [.waiting])
        await ledger.close()
    }

    @Test func `an agreement's messages and its tickets' go in the order of the ledger`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        try await ledger.addPartner("other", at: "https://other.example/sharing")
        let agreement = try await ledger.agree()
        let other = try await ledger.agree("a2", with: "other", at: "https://other.example/sharing")
        var expected: [Position] = []
        for number in 0..<6 {
            expected.append(try await ledger.share("t\(number)", under: agreement).position)
            try await ledger.share("o\(number)", under: other)
            expected.append(try await ledger.update("t\(number / 2)", "s\(number)", under: agreement).position)
        }
        try await ledger.deliverAll()
        let plan = try await ledger.plan(ReplayRequest(.agreement(agreement.id)))
        #expect(plan.items.dropFirst().map(\.position) == expected)
        #expect(plan.items.first?.lane.share == nil && plan.lanes.first?.ticket == nil)
        #expect(plan.lanes.count == 7 && plan.acknowledgedCount == 13)
        #expect(!plan.isRefused && plan.warnings.isEmpty)
        let both = try await ledger.plan(ReplayRequest(.partner("other")))
        #expect(both.partners.map(\.name) == ["other"] && both.messageCount == 7)
        await ledger.close()
    }

    @Test func `plans of generated histories hold what a simple reading of the ledger holds`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreements = [
            try await ledger.agree("a1"), try await ledger.agree("a2"), try await ledger.agree("a3", weSend: false),
        ]
        let seed = SeededGenerator.seed
        var random = SeededGenerator(seed: seed)
        var shared: [String: TestAgreement] = [:]
        for number in 0..<120 {
            let direction: Direction = Bool.random(using: &random) ? .outbound : .inbound
            guard let (ticket, agreement) = shared.sorted(by: { $0.key < $1.key }).randomElement(using: &random),
                Int.random(in: 0..<5, using: &random) > 0
            else {
                let agreement = agreements[Int.random(in: 0..<3, using: &random)]
                // Only an agreement's sender shares tickets.
                try await ledger.share("t\(number)", under: agreement, agreement.id.text == "a3" ? .inbound : .outbound)
                shared["t\(number)"] = agreement
                continue
            }
            try await ledger.update(ticket, "s\(number)", under: agreement, direction)
        }
        try await ledger.deliverAll()
        let end = try await ledger.store.read { session in try LedgerReader.size(in: &session) }.rawValue
        for _ in 0..<20 {
            let from = Int64.random(in: 0..<end, using: &random)
            let to = Int64.random(in: from...end, using: &random)
            let agreement = try #require(agreements.randomElement(using: &random))
            let request = ReplayRequest(
                .agreement(agreement.id),
                from: .position(Position(rawValue: from)),
                to: .position(Position(rawValue: to)),
                endsWithState: true,
            )
            let plan = try await ledger.plan(request)
            let expected = try await ledger.store.read { session in
                try LedgerReader.events(where: "s.name = \("agreement:\(agreement.id)")", limit: 10_000, in: &session)
            }
            .filter { $0.type.changesState && (from..<to).contains($0.position.rawValue) }
            let outbound = expected.filter { $0.direction == .outbound }
            #expect(
                plan.items.filter { $0.kind == .message }.map(\.position) == outbound.map(\.position),
                "seed \(seed)"
            )
            // A state follows exactly where the share's newest message is outside the range or the partner's.
            let newest = try await ledger.store.read { session in
                try session.query("SELECT last_position FROM projection.ticket_head").decode(Position.self)
            }
            let ending = Set(outbound.filter { $0.ticket != nil }.compactMap(\.share)).filter { share in
                !outbound.contains { $0.share == share && newest.contains($0.position) }
            }
            #expect(Set(plan.items.filter { $0.kind == .state }.compactMap(\.lane.share)) == ending, "seed \(seed)")
        }
        await ledger.close()
    }

    @Test func `a range is given by times or positions, from inclusive and to exclusive`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        var receipts: [Receipt] = [try await ledger.share("t1", under: agreement)]
        for number in 0..<4 {
            receipts.append(try await ledger.update("t1", "s\(number)", under: agreement))
        }
        let share = try scope(agreement, "t1")
        for (from, to) in [(1, 3), (0, 4), (2, 4)] {
            let positions = ReplayRequest(
                share,
                from: .position(receipts[from].position),
                to: .position(receipts[to].position),
                endsWithState: true
            )
            let times = ReplayRequest(
                share,
                from: .time(receipts[from].recorded),
                to: .time(receipts[to].recorded),
                endsWithState: true
            )
            for plan in [try await ledger.plan(positions), try await ledger.plan(times)] {
                #expect(
                    plan.items.filter { $0.kind == .message }.map(\.position) == receipts[from..<to].map(\.position)
                )
                #expect(plan.items.last?.kind == .state && plan.items.last?.position == receipts[4].position)
                #expect(!plan.isRefused)
            }
        }
        let open = try await ledger.plan(ReplayRequest(share, from: .time(receipts[2].recorded)))
        #expect(open.items.map(\.position) == receipts[2...].map(\.position) && !open.isRefused)
        await ledger.close()
    }

    @Test func `mode state holds every share with a message in the range once, with its newest message`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let edge = try await ledger.share("t2", under: agreement)
        try await ledger.share("t3", under: agreement)
        try await ledger.ticket("DELETE", "t3", under: agreement)
        let newest = try await ledger.update("t1", "theirs", under: agreement, .inbound)
        try await ledger.deliverAll()
        let all = try await ledger.plan(ReplayRequest(.agreement(agreement.id), mode: .state))
        #expect(all.items.map(\.position) == [edge.position, newest.position].sorted())
        #expect(all.items.allSatisfy { $0.kind == .state && $0.lane.share != nil })
        #expect(warnings(all) == [.unshared] && !all.isRefused)
        let later = ReplayRequest(.agreement(agreement.id), from: .position(edge.position.next), mode: .state)
        #expect(try await ledger.plan(later).items.map(\.position) == [newest.position])
        await ledger.close()
    }

    // MARK: Refusals

    @Test func `old values are not sent as the last, unless the state follows`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let last = try await ledger.update("t1", "new", under: agreement)
        let share = try scope(agreement, "t1")
        let early = try await ledger.plan(ReplayRequest(share, to: .position(last.position)))
        #expect(refusals(early) == [.endsEarly])
        #expect(early.refusals.kept.first?.position == last.position)
        let ending = try await ledger.plan(ReplayRequest(share, to: .position(last.position), endsWithState: true))
        #expect(!ending.isRefused && ending.stateCount == 1 && ending.lanes[0].hasState)
        try await ledger.deliverAll()
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        #expect(warnings(try await ledger.plan(ReplayRequest(share))) == [.otherIsAhead])
        let safe = try await ledger.plan(ReplayRequest(share, endsWithState: true))
        #expect(safe.warnings.isEmpty && safe.stateCount == 1)
        // Of an agreement's own messages there is no state that could follow.
        let invited = try await ledger.plan(
            ReplayRequest(.agreement(agreement.id), to: .position(last.position), endsWithState: true)
        )
        #expect(!invited.isRefused)
        try await ledger.setStatus(.inactive, of: agreement, .outbound)
        let changed = try await ledger.plan(
            ReplayRequest(.agreement(agreement.id), to: .position(last.position), endsWithState: true)
        )
        #expect(refusals(changed) == [.endsEarly, .notAccepted])
        await ledger.close()
    }

    @Test func `what the partner changed between our messages is warned of, comments alone are not`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let share = try scope(agreement, "t1")
        try await ledger.share("t1", under: agreement)
        let comment = #"{"comments":[{"uuid":"c9","body":"Why?"}],"current_actor":{"uuid":"u"}}"#
        try await ledger.ticket("PUT", "t1", under: agreement, .inbound, body: comment)
        try await ledger.deliverAll()
        #expect(try await ledger.plan(ReplayRequest(share)).warnings.isEmpty)
        let theirs = try await ledger.update("t1", "theirs", under: agreement, .inbound)
        let last = try await ledger.ticket("PUT", "t1", under: agreement, body: #"{"status":"open"}"#)
        try await ledger.deliverAll()
        let plan = try await ledger.plan(ReplayRequest(share))
        #expect(warnings(plan) == [.otherIsAhead] && plan.warnings.kept.first?.position == theirs.position)
        let safe = try await ledger.plan(ReplayRequest(share, endsWithState: true))
        #expect(safe.warnings.isEmpty && safe.stateCount == 1)
        let later = try await ledger.plan(ReplayRequest(share, from: .position(last.position)))
        #expect(later.warnings.isEmpty && later.messageCount == 1)
        await ledger.close()
    }

    @Test func `a message with an access key that was replaced is refused, also where it only repeats that key`()
        async throws
    {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        var agreement = try await ledger.agree()
        let body = #"{"name":"Renamed","access_key":"\#(agreement.key)"}"#
        let repeating = try await ledger.send(.outbound, "PUT", .agreements, "a1", agreement, body: body)
        try await ledger.share("t1", under: agreement)
        #expect(!(try await ledger.plan(ReplayRequest(.agreement(agreement.id)))).isRefused)
        try await ledger.deliverAll()
        agreement = try await ledger.rotateKey(of: agreement, to: "another-key-of-the-agreement")
        try await ledger.deliverAll()
        let all = try await ledger.plan(ReplayRequest(.agreement(agreement.id)))
        #expect(refusals(all) == [.keySuperseded] && all.refusals.counts[.keySuperseded] == 2)
        #expect(all.refusals.kept.map(\.position).last == repeating.position)
        let rest = try await ledger.plan(
            ReplayRequest(.agreement(agreement.id), from: .position(repeating.position.next))
        )
        #expect(!rest.isRefused && rest.messageCount == 2)
        #expect(!(try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))).isRefused)
        guard
            case .refused = try await ledger.replayer.start(ReplayRequest(.agreement(agreement.id)), TestLedger.warrant)
        else {
            Issue.record("a refused plan was carried out")
            return
        }
        #expect(try await ledger.queue().isEmpty)
        await ledger.close()
    }

    @Test func `tickets under an agreement that is not accepted are refused, and left out of a partner's`() async throws
    {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree("a1")
        let good = try await ledger.agree("a2")
        try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: good)
        try await ledger.setStatus(.inactive, of: agreement, .inbound)
        try await ledger.deliverAll()
        #expect(refusals(try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))) == [.notAccepted])
        #expect(
            refusals(try await ledger.plan(ReplayRequest(.agreement(agreement.id), mode: .state))) == [.notAccepted]
        )
        let all = try await ledger.plan(ReplayRequest(.partner("lens")))
        #expect(!all.isRefused && warnings(all) == [.notAccepted] && all.lanes.compactMap(\.ticket?.text) == ["t2"])
        await ledger.close()
    }

    @Test func `what the partner unshared is not shared again, and our own end of a share stays its end`() async throws
    {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let end = try await ledger.ticket("DELETE", "t1", under: agreement)
        try await ledger.share("t2", under: agreement)
        try await ledger.ticket("DELETE", "t2", under: agreement, .inbound)
        try await ledger.deliverAll()
        let ours = try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))
        #expect(!ours.isRefused && ours.items.last?.position == end.position)
        let cut = ReplayRequest(try scope(agreement, "t1"), to: .position(end.position), endsWithState: true)
        #expect(refusals(try await ledger.plan(cut)) == [.endsEarly])
        #expect(refusals(try await ledger.plan(ReplayRequest(try scope(agreement, "t1"), mode: .state))) == [.unshared])
        #expect(refusals(try await ledger.plan(ReplayRequest(try scope(agreement, "t2")))) == [.unshared])
        let all = try await ledger.plan(ReplayRequest(.agreement(agreement.id)))
        #expect(!all.isRefused && all.lanes.compactMap(\.ticket?.text) == ["t1"])
        await ledger.close()
    }

    @Test func `a proposed partner gets nothing, a paused one gets it later`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        try await ledger.deliverAll()
        try await ledger.setPaused(true, "lens")
        let paused = try await ledger.plan(ReplayRequest(.partner("lens")))
        #expect(!paused.isRefused && warnings(paused) == [.partnerPaused])
        let stranger = TestAgreement(id: try #require(AgreementID("b1")), partner: "-")
        let body = """
            {"uuid":"b1","name":"S","sender_url":"https://new.example/x","receiver_url":"\(TestLedger.publicURL)",\
            "access_key":"\(stranger.key)","status":"pending"}
            """
        try await ledger.send(.inbound, "POST", .agreements, "b1", stranger, body: body, hasToken: false)
        let proposed = try await ledger.plan(ReplayRequest(.agreement(stranger.id)))
        #expect(refusals(proposed) == [.partnerProposed])
        await ledger.close()
    }

    @Test func `erased bytes are not sent, and nothing is nothing`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let first = try await ledger.share("t1", under: agreement)
        try await ledger.share("t2", under: agreement, .outbound)
        try await ledger.deliverAll()
        try await ledger.store.erase([(first.position, "body")])
        let erased = try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))
        #expect(refusals(erased) == [.erased] && erased.refusals.kept[0].position == first.position)
        let end = Position(rawValue: 1_000_000)
        let none = try await ledger.plan(ReplayRequest(.agreement(agreement.id), from: .position(end)))
        #expect(refusals(none) == [.nothing] && none.messageRange == nil)
        await ledger.close()
    }

    @Test func `altered bytes are not planned to be sent, nor are bytes that are gone without an erasure`() async throws
    {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let first = try await ledger.share("t1", under: agreement)
        let second = try await ledger.update("t1", "told", under: agreement)
        try await ledger.deliverAll()
        try await ledger.alterBody(of: first)
        try await ledger.meddle("DELETE FROM ledger.payload WHERE position = \(second.position) AND part = 'body'")
        let plan = try await ledger.plan(ReplayRequest(try scope(agreement, "t1")))
        #expect(refusals(plan) == [.damaged, .damaged])
        #expect(plan.refusals.kept.map(\.position) == [first.position, second.position])
        let altered = "the part body of event \(first.position) is not what its leaf commits to"
        let missing = "the part body of event \(second.position) is missing, and no payload.erased event names it"
        #expect(zip(plan.refusals.kept, [altered, missing]).allSatisfy { $0.text.contains($1) })
        await ledger.close()
    }

    @Test func `a message without what was cut out of it is not planned to be sent`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        try await ledger.share("t1", under: agreement)
        let second = try await ledger.ticket("PUT", "t1", under: agreement, body: #"{"subject":"\#(agreement.key)"}"#)
        try await ledger.deliverAll()
        #expect(!(try await ledger.plan(ReplayRequest(.agreement(agreement.id)))).isRefused)
        try await ledger.meddle("UPDATE ledger.payload SET splices = NULL")
        let plan = try await ledger.plan(ReplayRequest(.agreement(agreement.id)))
        #expect(refusals(plan) == [.damaged, .damaged])
        let fault = "not all of what was cut out of the part body of event \(second.position) is still there"
        #expect(plan.refusals.kept.last?.text.contains(fault) == true)
        #expect(plan.refusals.kept.last?.position == second.position)
        await ledger.close()
    }

    @Test func `names that nobody has are errors`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree()
        let unknown = try #require(AgreementID("zz"))
        for scope in [.partner("nobody"), .agreement(unknown), try scope(agreement, "t9")] as [ReplayRequest.Scope] {
            await #expect(throws: UnknownReplayScope.self) { try await ledger.plan(ReplayRequest(scope)) }
        }
        await ledger.close()
    }

    @Test func `a reason must say something`() {
        #expect(Warrant(reason: "", operator: "x") == nil)
        #expect(Warrant(reason: " \n", operator: "x") == nil)
        #expect(Warrant(reason: String(repeating: "r", count: 1001), operator: "x") == nil)
        #expect(Warrant(reason: "  outage", operator: "x")?.reason == "outage")
    }
}
