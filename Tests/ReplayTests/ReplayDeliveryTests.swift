import Delivery
import HTTPClient
import HTTPServer
import Ledger
import LedgerStore
import Logging
import Postgres
import Projections
import Replay
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing

/// Replays from the command's side to a partner's help desk, over real sockets.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ReplayDeliveryTests {
    @Test func `messages sent twice are the same bytes in the same order, and a POST of what is there is done`()
        async throws
    {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await ledger.update("t1", "a", under: scene.agreement)
        let odd = #"{ "subject" : "\u00dcber",  "tags":["x"], "custom_fields":{"n":1e400,"n":2}, "comments":[] }"#
        try await ledger.ticket("PUT", "t1", under: scene.agreement, body: odd)
        try await scene.deliver()
        let original = scene.desk.takeRequests().filter { $0.target.contains("/tickets/") }
        #expect(original.map(\.method) == ["POST", "PUT", "PUT"])
        for _ in 0..<2 {
            let (plan, replay) = try await ledger.start(ReplayRequest(try scene.share("t1")))
            #expect(plan.acknowledgedCount == 3)
            try await scene.deliver()
            let again = scene.desk.takeRequests()
            #expect(again.map(\.method) == original.map(\.method) && again.map(\.target) == original.map(\.target))
            #expect(again.map(\.body) == original.map(\.body))
            #expect(again.map { $0.headers.first("ShareLedger-Replay-Of") } == plan.items.map { "\($0.event)" })
            let finished = try await scene.finished(replay)
            #expect(finished == #"{"v":1,"replay":\#(replay.receipt.position),"items":3,"delivered":3}"#)
        }
        #expect(try await ledger.queue().isEmpty)
        let attempts = try await ledger.value(
            "SELECT string_agg(e.status::text, ',' ORDER BY e.position) FROM ledger.event AS e WHERE e.type = 'attempt.succeeded' AND e.share_id IS NOT NULL"
        )
        #expect(attempts == "201,200,200,422,200,200,422,200,200")
        await scene.close()
    }

    @Test func `a partner that lost its data gets every ticket as it stands`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        for ticket in ["t1", "t2", "t3"] { try await ledger.share(ticket, under: scene.agreement) }
        try await ledger.update("t1", "a", under: scene.agreement)
        try await ledger.update("t1", "theirs", under: scene.agreement, .inbound)
        try await ledger.update("t2", "b", under: scene.agreement)
        try await ledger.ticket("DELETE", "t3", under: scene.agreement)
        try await scene.deliver()
        scene.desk.loseTickets()
        _ = scene.desk.takeRequests()
        let (plan, replay) = try await ledger.start(ReplayRequest(.partner("lens"), mode: .state))
        #expect(plan.stateCount == 2 && plan.warnings.counts == [.unshared: 1])
        try await scene.deliver()
        // It is known to have held them: a PUT, and when that finds nothing a POST.
        let sent = scene.desk.takeRequests()
        for ticket in ["t1", "t2"] {
            #expect(sent.filter { $0.target.hasSuffix(ticket) }.map(\.method) == ["PUT", "POST"])
            #expect(scene.desk.ticket(ticket)?.encoded() == (try await scene.held(ticket)).encoded())
        }
        #expect(scene.desk.ticket("t1")?.subject == "theirs" && scene.desk.ticket("t3") == nil)
        #expect(try await scene.finished(replay).contains(#""items":2,"delivered":2"#))
        await scene.close()
    }

    @Test func `old messages of a range end with the ticket as it stands`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        let second = try await ledger.update("t1", "a", under: scene.agreement)
        try await ledger.update("t1", "b", under: scene.agreement)
        try await scene.deliver()
        scene.desk.loseTickets()
        _ = scene.desk.takeRequests()
        let range = ReplayRequest(try scene.share("t1"), to: .position(second.position), endsWithState: true)
        try await ledger.start(range)
        try await scene.deliver()
        #expect(scene.desk.takeRequests().map(\.method) == ["POST", "PUT"])
        #expect(scene.desk.ticket("t1")?.encoded() == (try await scene.held("t1")).encoded())
        await scene.close()
    }

    @Test func `a replay gets a lane going again that stood still`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await scene.deliver()
        scene.desk.loseTickets()
        try await ledger.update("t1", "a", under: scene.agreement)
        try await ledger.update("t1", "b", under: scene.agreement)
        try await scene.run {
            try await scene.until(
                "a lane that stands still",
                "SELECT count(*) = 1 FROM delivery.queue WHERE state = 'parked'"
            )
        }
        #expect(scene.desk.ticket("t1") == nil)
        let (plan, _) = try await ledger.start(ReplayRequest(try scene.share("t1")))
        #expect(plan.replacedCount == 2)
        try await scene.deliver()
        #expect(scene.desk.ticket("t1")?.encoded() == (try await scene.held("t1")).encoded())
        await scene.close()
    }

    @Test func `what is altered after the plan is not sent: message and state are parked with that reason`()
        async throws
    {
        let scene = try await Scene()
        let ledger = scene.ledger
        let first = try await ledger.share("t1", under: scene.agreement)
        let second = try await ledger.share("t2", under: scene.agreement)
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        try await ledger.start(ReplayRequest(try scene.share("t1")))
        try await ledger.start(ReplayRequest(try scene.share("t2"), mode: .state))
        for message in [first, second] { try await ledger.alterBody(of: message) }
        try await scene.run {
            try await scene.until("parked lanes", "SELECT count(*) = 2 FROM delivery.queue WHERE state = 'parked'")
        }
        let reasons = try await ledger.value(
            "SELECT string_agg(reason, '|' ORDER BY message_position) FROM delivery.queue WHERE state = 'parked'"
        )
        let expected = [first, second].map { message in
            "nothing altered is sent: the part body of event \(message.position) is not what its leaf commits to"
        }
        #expect(reasons == expected.joined(separator: "|"))
        #expect(scene.desk.takeRequests().isEmpty)
        await scene.close()
    }

    @Test func `what a replay has brought is part of the partner's copy, as often and in the order as it came`()
        async throws
    {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await ledger.update("t1", "ours", under: scene.agreement)
        try await scene.deliver()
        let theirs = try await ledger.update("t1", "theirs", under: scene.agreement, .inbound)
        #expect(try await scene.held("t1", .partner).subject == "theirs")
        // A POST of what is there is answered with 422 and changes nothing; the PUT behind it does.
        try await ledger.start(ReplayRequest(try scene.share("t1")))
        try await scene.deliver()
        #expect(scene.desk.ticket("t1")?.subject == "ours")
        #expect(try await scene.held("t1", .partner).subject == "ours")
        #expect(try await scene.held("t1", .partner, .position(theirs.position)).subject == "theirs")
        #expect(try await scene.held("t1").subject == "theirs")

        // What never got there comes with the state, and with it all that stands in ours.
        try await ledger.update("t1", "lost", under: scene.agreement)
        try await ledger.update("t1", "also-lost", under: scene.agreement)
        try await ledger.execute("DELETE FROM delivery.queue")
        #expect(try await scene.held("t1", .partner).comments.map(\.id.text) == ["t1-c0", "t1-ours", "t1-theirs"])
        try await ledger.start(ReplayRequest(try scene.share("t1"), mode: .state))
        try await scene.deliver()
        #expect(scene.desk.ticket("t1")?.subject == "also-lost")
        let (ours, copy) = (try await scene.held("t1"), try await scene.held("t1", .partner))
        #expect(copy.subject == "also-lost" && Set(copy.comments.map(\.id.text)) == Set(ours.comments.map(\.id.text)))
        #expect(try await scene.comments(of: "t1").allSatisfy { $0.partnerSince != nil })
        await scene.close()
    }

    @Test func `a replay waits for a paused partner and survives a restart`() async throws {
        let scene = try await Scene()
        let ledger = scene.ledger
        try await ledger.share("t1", under: scene.agreement)
        try await scene.deliver()
        _ = scene.desk.takeRequests()
        try await ledger.setPaused(true, "lens")
        let (_, replay) = try await ledger.start(ReplayRequest(try scene.share("t1")))
        // What goes to another partner shows that the queue was looked at.
        let otherDesk = try FakeDesk()
        try await ledger.addPartner("other", at: otherDesk.url)
        let other = try await ledger.agree("a2", with: "other", at: otherDesk.url)
        try await ledger.share("o1", under: other)
        try await ledger.share("t2", under: scene.agreement)
        try await scene.run {
            try await scene.until(
                "the other partner's messages",
                """
                SELECT NOT EXISTS (
                    SELECT
                    FROM delivery.queue AS q
                    JOIN projection.partner AS p USING (partner_id)
                    WHERE p.name = 'other'
                )
                """
            )
        }
        #expect(otherDesk.ticket("o1") != nil && scene.desk.takeRequests().isEmpty)
        try await ledger.setPaused(false, "lens")
        try await scene.deliver()
        #expect(scene.desk.takeRequests().map(\.method).sorted() == ["POST", "POST"])
        #expect(try await scene.finished(replay).contains(#""delivered":1"#))
        await otherDesk.stop()
        await scene.close()
    }
}
