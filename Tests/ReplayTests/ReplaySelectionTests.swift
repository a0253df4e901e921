import Ledger
import LedgerStore
import Postgres
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

/// What of a range is selected, and that nothing selected leaves old values standing.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplaySelectionTests {
    typealias Filter = ReplayRequest.Filter

    private func refusals(_ plan: ReplayPlan) -> Set<ReplayNotice.Code> { Set(plan.refusals.counts.keys) }

    private struct Story {
        let ledger: TestLedger
        let agreement: TestAgreement
        let scope: ReplayRequest.Scope

        init(ours: String? = nil) async throws {
            ledger = try await TestLedger(desk: ours)
            try await ledger.addPartner("lens", at: "https://lens.example/sharing")
            agreement = try await ledger.agree()
            scope = .share(agreement.id, try #require(TicketID("t1")))
        }

        /// Takes what was sent last out of the queue, as if it had been given up.
        func lose(_ message: Receipt) async throws {
            try await ledger.execute("DELETE FROM delivery.queue WHERE message_position = \(message.position)")
        }

        func plan(
            _ filter: Filter,
            _ target: ReplayTarget = .partner,
            of scope: ReplayRequest.Scope? = nil,
            to end: Receipt? = nil,
            mode: ReplayRequest.Mode = .messages,
            thenState: Bool = false,
        ) async throws -> ReplayPlan {
            try await ledger.plan(
                ReplayRequest(
                    scope ?? self.scope,
                    to: end.map { .position($0.position) },
                    mode: mode,
                    filter: filter,
                    target: target,
                    endsWithState: thenState,
                )
            )
        }
    }

    @Test func `what was not acknowledged goes again, and nothing where all was`() async throws {
        let story = try await Story()
        let ledger = story.ledger
        try await ledger.share("t1", under: story.agreement)
        try await ledger.deliverAll()
        for extent in [Filter.Extent.unacknowledged, .sinceLastSuccess] {
            #expect(refusals(try await story.plan(Filter(extent: extent))) == [.nothing])
        }
        var lost: [Position] = []
        for subject in ["a", "b"] {
            let message = try await ledger.update("t1", subject, under: story.agreement)
            try await story.lose(message)
            lost.append(message.position)
        }
        for extent in [Filter.Extent.unacknowledged, .sinceLastSuccess] {
            let plan = try await story.plan(Filter(extent: extent))
            #expect(plan.items.map(\.position) == lost && !plan.isRefused && plan.acknowledgedCount == 0)
        }
        await ledger.close()
    }

    @Test func `a message is not left out between two, unless the state follows`() async throws {
        let story = try await Story()
        let ledger = story.ledger
        let first = try await ledger.share("t1", under: story.agreement)
        try await story.lose(first)
        let taken = try await ledger.update("t1", "taken", under: story.agreement)
        try await ledger.deliverAll()
        let last = try await ledger.update("t1", "last", under: story.agreement)
        try await story.lose(last)
        let all = try await story.plan(Filter(extent: .unacknowledged))
        #expect(refusals(all) == [.leavesOut] && all.refusals.kept.first?.position == taken.position)
        let ending = try await story.plan(Filter(extent: .unacknowledged), thenState: true)
        #expect(!ending.isRefused && ending.items.map(\.kind) == [.message, .message, .state])
        #expect(ending.items.prefix(2).map(\.position) == [first.position, last.position])
        let since = try await story.plan(Filter(extent: .sinceLastSuccess))
        #expect(!since.isRefused && since.items.map(\.position) == [last.position])
        let shared = try await story.plan(Filter(types: [.ticketShared]))
        #expect(refusals(shared) == [.leavesOut] && shared.refusals.kept.first?.position == taken.position)
        await ledger.close()
    }

    @Test func `messages are chosen by type and by whose they are`() async throws {
        let story = try await Story()
        let ledger = story.ledger
        let agreement = story.agreement
        let first = try await ledger.share("t1", under: agreement)
        let theirs = try await ledger.update("t1", "theirs", under: agreement, .inbound)
        let last = try await ledger.update("t1", "ours", under: agreement)
        try await ledger.deliverAll()
        let whole = ReplayRequest.Scope.agreement(agreement.id)
        let own = try await story.plan(Filter(types: [.agreementInvited, .agreementUpdated]), of: whole)
        #expect(!own.isRefused && own.lanes.count == 1 && own.lanes[0].ticket == nil && own.messageCount == 1)
        let updates = try await story.plan(Filter(types: [.ticketUpdated]))
        #expect(!updates.isRefused && updates.items.map(\.position) == [last.position])
        let inbound = try await story.plan(Filter(directions: [.inbound]))
        #expect(inbound.items.map(\.position) == [theirs.position] && inbound.acknowledgedCount == 1)
        #expect(Set(inbound.warnings.counts.keys) == [.otherIsAhead], "our desk has changed the subject since")
        let both = try await story.plan(Filter(directions: [.inbound, .outbound]))
        #expect(both.items.map(\.position) == [first, theirs, last].map(\.position))
        #expect(both.warnings.isEmpty && !both.isRefused && both.acknowledgedCount == 3)
        let early = try await story.plan(Filter(directions: [.inbound, .outbound]), to: last)
        #expect(refusals(early) == [.endsEarly])
        await ledger.close()
    }

    @Test func `states are of the tickets of which a message is selected`() async throws {
        let story = try await Story()
        let ledger = story.ledger
        let agreement = story.agreement
        // Acknowledged at last; not at last; not before the last; of the partner alone.
        for ticket in ["t1", "t2", "t3"] {
            let shared = try await ledger.share(ticket, under: agreement)
            if ticket == "t3" { try await story.lose(shared) }
        }
        try await ledger.update("t3", "a", under: agreement)
        try await ledger.deliverAll()
        try await story.lose(try await ledger.update("t2", "b", under: agreement))
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        func tickets(_ filter: Filter) async throws -> [String?] {
            try await story.plan(filter, of: .agreement(agreement.id), mode: .state).lanes.map(\.ticket?.text).sorted {
                ($0 ?? "") < ($1 ?? "")
            }
        }
        #expect(try await tickets(Filter()) == ["t1", "t2", "t3"])
        #expect(try await tickets(Filter(extent: .unacknowledged)) == ["t2", "t3"])
        #expect(try await tickets(Filter(extent: .sinceLastSuccess)) == ["t2"])
        #expect(try await tickets(Filter(directions: [.inbound])) == ["t1"])
        #expect(try await tickets(Filter(types: [.ticketUpdated])) == ["t1", "t2", "t3"])
        #expect(try await tickets(Filter(types: [.ticketUnshared])) == [])
        await ledger.close()
    }

    @Test func `our desk gets messages of both sides, and what it said itself counts as acknowledged`() async throws {
        let story = try await Story(ours: "http://127.0.0.1:1/desk")
        let ledger = story.ledger
        let ours = try await ledger.share("t1", under: story.agreement)
        let theirs = try await ledger.update("t1", "theirs", under: story.agreement, .inbound)
        try await story.lose(theirs)
        let all = try await story.plan(Filter(), .desk)
        #expect(all.items.map(\.position) == [ours, theirs].map(\.position) && all.acknowledgedCount == 1)
        #expect(all.lanes.allSatisfy { $0.lane.destination == .desk } && !all.isRefused)
        let missing = try await story.plan(Filter(extent: .unacknowledged), .desk)
        #expect(missing.items.map(\.position) == [theirs.position])
        try await ledger.execute("UPDATE delivery.setting SET desk_url = NULL")
        #expect(refusals(try await story.plan(Filter(), .desk)) == [.noDesk])
        await ledger.close()
    }

    @Test func `what comes between plan and record is sent behind it, also to our desk`() async throws {
        let story = try await Story(ours: "http://127.0.0.1:1/desk")
        let ledger = story.ledger
        try await ledger.share("t1", under: story.agreement)
        for target in [ReplayTarget.desk, .partner] {
            let plan = try await story.plan(Filter(), target)
            try await ledger.update("t1", "late-\(target.kind)", under: story.agreement)
            try await ledger.update("t1", "theirs-\(target.kind)", under: story.agreement, .inbound)
            let started = try #require(try await ledger.replayer.start(plan, TestLedger.warrant))
            // The partner has its own messages; what our desk is sent tells all.
            #expect(started.itemCount == plan.items.count + (target == .desk ? 2 : 1))
            try await ledger.execute("DELETE FROM delivery.queue WHERE replay_id IS NOT NULL")
        }
        // A message that the selection would leave out is not left out silently.
        let updates = try await story.plan(Filter(types: [.ticketUpdated]))
        try await ledger.ticket("DELETE", "t1", under: story.agreement)
        #expect(try await ledger.replayer.start(updates, TestLedger.warrant) == nil)
        await ledger.close()
    }

    @Test func `the story from one side alone is no whole story: what the other side has said since stands`()
        async throws
    {
        let story = try await Story(ours: "http://127.0.0.1:1/desk")
        let ledger = story.ledger
        let agreement = story.agreement
        try await ledger.share("t1", under: agreement)
        try await ledger.update("t1", "theirs", under: agreement, .inbound)
        try await ledger.ticket("DELETE", "t1", under: agreement)
        let ended = try await ledger.setStatus(.inactive, of: agreement, .outbound)
        let whole = ReplayRequest.Scope.agreement(agreement.id)
        let told = try await story.plan(Filter(), .desk, of: whole)
        #expect(!told.isRefused && told.messageCount == 6)
        let theirs = try await story.plan(Filter(directions: [.inbound]), .desk, of: whole)
        #expect(refusals(theirs) == [.otherIsAhead, .notAccepted])
        #expect(theirs.refusals.kept.contains { $0.position == ended.position })
        let later = try await story.plan(Filter(types: [.ticketUpdated]), .desk, of: whole)
        #expect(refusals(later) == [.notAccepted])
        // Nor is a partner sent its own words about an agreement in our name.
        let back = try await story.plan(Filter(directions: [.inbound]), of: whole)
        #expect(refusals(back) == [.notOurs, .notAccepted])
        await ledger.close()
    }

    @Test func `our word about an agreement's status is not sent after the partner's newer one`() async throws {
        let story = try await Story()
        let ledger = story.ledger
        let ended = try await ledger.setStatus(.inactive, of: story.agreement, .outbound)
        let whole = ReplayRequest.Scope.agreement(story.agreement.id)
        #expect(!(try await story.plan(Filter(), of: whole)).isRefused)
        let again = try await ledger.setStatus(.accepted, of: story.agreement, .outbound)
        try await ledger.setStatus(.inactive, of: story.agreement, .inbound)
        let newer = try await ledger.setStatus(.accepted, of: story.agreement, .inbound)
        try await ledger.deliverAll()
        let plan = try await story.plan(Filter(), of: whole)
        #expect(refusals(plan) == [.otherIsAhead] && plan.refusals.kept.first?.position == newer.position)
        let partners = try await story.plan(Filter(), of: .partner("lens"))
        #expect(refusals(partners) == [.nothing] && partners.warnings.counts == [.otherIsAhead: 1])
        #expect(ended.position < again.position)
        await ledger.close()
    }

    @Test func `our desk's own word does not stand for its answer`() async throws {
        let story = try await Story(ours: "http://127.0.0.1:1/desk")
        let ledger = story.ledger
        let ours = try await ledger.share("t1", under: story.agreement)
        let lost = try await ledger.update("t1", "theirs", under: story.agreement, .inbound)
        let last = try await ledger.update("t1", "ours", under: story.agreement)
        try await story.lose(lost)
        let plan = try await story.plan(Filter(extent: .sinceLastSuccess), .desk)
        #expect(!plan.isRefused && plan.items.map(\.position) == [ours, lost, last].map(\.position))
        #expect(refusals(try await story.plan(Filter(extent: .unacknowledged), .desk)) == [.leavesOut])
        await ledger.close()
    }

    @Test func `what was given up is not sent after what came later and is known, unless the state follows`()
        async throws
    {
        let story = try await Story()
        let ledger = story.ledger
        try await ledger.share("t1", under: story.agreement)
        let given = try await ledger.update("t1", "old", under: story.agreement)
        try await story.lose(given)
        let known = try await ledger.update("t1", "new", under: story.agreement)
        // Later than it, and on its way: that goes first.
        let waiting = try await story.plan(Filter())
        #expect(refusals(waiting) == [.revives] && waiting.refusals.kept.first?.position == given.position)
        #expect(refusals(try await story.plan(Filter(extent: .sinceLastSuccess))) == [.revives])
        try await ledger.deliverAll()
        let answered = try await story.plan(Filter())
        #expect(
            refusals(answered) == [.revives] && answered.refusals.kept.first?.text.contains("\(known.position)") == true
        )
        let ending = try await story.plan(Filter(), thenState: true)
        #expect(!ending.isRefused && ending.items.map(\.kind) == [.message, .message, .message, .state])
        // That the lane stands still behind the two makes no difference; that nothing known comes after does.
        try await ledger.update("t1", "stuck", under: story.agreement)
        try await ledger.park("t1")
        #expect(refusals(try await story.plan(Filter())) == [.revives])
        let rest = try await ledger.plan(ReplayRequest(story.scope, from: .position(known.position)))
        #expect(!rest.isRefused && rest.messageCount == 2)
        // Nothing known comes after where only what stands still does: the replay sends that anew, in order.
        try await ledger.share("t2", under: story.agreement)
        try await ledger.deliverAll()
        try await story.lose(try await ledger.update("t2", "old", under: story.agreement))
        try await ledger.update("t2", "stuck", under: story.agreement)
        try await ledger.park("t2")
        let second = ReplayRequest.Scope.share(story.agreement.id, try #require(TicketID("t2")))
        #expect(!(try await story.plan(Filter(), of: second)).isRefused)
        #expect(!(try await story.plan(Filter(), mode: .state)).isRefused)
        await ledger.close()
    }
}
