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

@Suite(.schema, .timeLimit(.minutes(5)))
struct LaneTests {
    @Test func `messages of one share arrive in order, each after the one before was answered`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        for number in 1...9 {
            try await ledger.update("t1", under: agreement, subject: "\(number)")
        }
        try await ledger.withEngine { _ in try await ledger.untilDelivered() }
        let bodies = partner.requests.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(partner.received == ["POST t1"] + Array(repeating: "PUT t1", count: 9))
        #expect(bodies.dropFirst() == (1...9).map { #"{"subject":"\#($0)"}"# }[...])
        #expect(partner.mostActive == 1)
        await ledger.close()
        await partner.stop()
    }

    @Test func `shares go in parallel, as many as the partner allows`() async throws {
        let gate = Gate()
        let partner = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 201)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url) { $0.concurrency = 3 }
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        for number in 0..<8 {
            try await ledger.share("t\(number)", under: agreement)
        }
        try await ledger.withEngine { _ in
            await partner.waitForRequests(3)
            #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE claim IS NOT NULL") == "3")
            gate.open()
            try await ledger.untilDelivered()
        }
        #expect(partner.mostActive == 3)
        #expect(Set(partner.received).count == 8)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a slow partner does not hold another one up`() async throws {
        let gate = Gate()
        let slow = try FakePartner { _, _ in
            await gate.wait()
            return HTTPResponse(status: 200)
        }
        let fast = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("slow", at: slow.url)
        try await ledger.addPartner("fast", at: fast.url)
        let slowly = try await ledger.agree(with: "slow", at: slow.url, id: "a1")
        let quickly = try await ledger.agree(with: "fast", at: fast.url, id: "a2")
        for number in 0..<20 {
            try await ledger.share("s\(number)", under: slowly)
            try await ledger.share("f\(number)", under: quickly)
        }
        try await ledger.withEngine { _ in
            await slow.waitForRequests(4)
            await fast.waitForRequests(20)
            gate.open()
            try await ledger.untilDelivered()
        }
        #expect(slow.mostActive == 4)
        await ledger.close()
        await slow.stop()
        await fast.stop()
    }

    @Test func `an agreement's own message waits for what is before it and holds what is after it`() async throws {
        let gates = [Gate(), Gate()]
        let partner = try FakePartner { number, request in
            if request.target.hasSuffix("/t1") { await gates[0].wait() }
            if request.target.hasSuffix("/a1") { await gates[1].wait() }
            return HTTPResponse(status: 200)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        let other = try await ledger.agree(with: "lens", at: partner.url, id: "a2")
        try await ledger.share("t1", under: agreement)
        let body = #"{"name":"We, renamed"}"#
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "lens",
            token: agreement.token,
            body: body
        )
        try await ledger.share("t2", under: agreement)
        try await ledger.share("t3", under: other)
        try await ledger.withEngine { _ in
            // What belongs to another agreement passes, the rest stands behind t1.
            await partner.waitForRequests(2)
            #expect(Set(partner.received) == ["POST t1", "POST t3"])
            gates[0].open()
            await partner.waitForRequests(3)
            #expect(partner.received.last == "PUT a1")
            #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue WHERE claim IS NOT NULL") == "1")
            gates[1].open()
            try await ledger.untilDelivered()
        }
        #expect(partner.received.suffix(2) == ["PUT a1", "POST t2"])
        await ledger.close()
        await partner.stop()
    }

    @Test func `a parked lane holds neither other lanes nor a later message of the agreement`() async throws {
        let partner = try FakePartner { _, request in
            HTTPResponse(status: request.target.hasSuffix("/t1") ? 422 : 200)
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.update("t1", under: agreement, subject: "behind a parked one")
        try await ledger.share("t2", under: agreement)
        let body = #"{"name":"We, renamed"}"#
        try await ledger.send(
            .outbound,
            "PUT",
            .agreements,
            "a1",
            partner: "lens",
            token: agreement.token,
            body: body
        )
        try await ledger.share("t3", under: agreement)
        try await ledger.withEngine { _ in
            await partner.waitForRequests(4)
            try await ledger.until("t1 alone to be left") { session in
                try session.query("SELECT count(*) FROM delivery.queue").onlyRow()[0, as: Int64.self] == 2
            }
        }
        #expect(partner.received.suffix(2) == ["PUT a1", "POST t3"])
        #expect(
            try await ledger.value("SELECT string_agg(state, ' ' ORDER BY queue_position) FROM delivery.queue")
                == "parked waiting"
        )
        await ledger.close()
        await partner.stop()
    }

    @Test func `a paused partner gets nothing until it is resumed`() async throws {
        let paused = try FakePartner()
        let other = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("paused", at: paused.url)
        try await ledger.addPartner("other", at: other.url)
        let held = try await ledger.agree(with: "paused", at: paused.url, id: "a1")
        let free = try await ledger.agree(with: "other", at: other.url, id: "a2")
        try await ledger.setPaused(true, "paused")
        try await ledger.share("t1", under: held)
        try await ledger.share("t2", under: free)
        try await ledger.withEngine { _ in
            await other.waitForRequests(1)
            #expect(paused.requests.isEmpty)
            try await ledger.setPaused(false, "paused")
            await paused.waitForRequests(1)
            try await ledger.untilDelivered()
        }
        await ledger.close()
        await paused.stop()
        await other.stop()
    }

    @Test func `the state of a lane is read from the queue`() async throws {
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 403) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        let lane = try await ledger.store.read { session in
            let row = try session.query("SELECT partner_id, stream_id, share_id FROM delivery.queue").onlyRow()
            let (partner, stream, share) = try row.decode((Int64, Position, Position).self)
            return ShareLane(destination: Destination(rawValue: partner), stream: stream, share: share)
        }
        let status: @Sendable () async throws -> DeliveryStatus = {
            try await ledger.store.read { session in try DeliveryStatus(of: lane, in: &session) }
        }
        #expect(try await status() == .waiting)
        try await ledger.withEngine { _ in
            try await ledger.untilDelivered()
            #expect(try await status() == .delivered)
            try await ledger.update("t1", under: agreement, subject: "refused")
            try await ledger.update("t1", under: agreement, subject: "behind")
            _ = try await ledger.events(.deliveryParked, count: 1)
            #expect(try await status() == .parked)
        }
        let whole = ShareLane(destination: lane.destination, stream: lane.stream, share: nil)
        #expect(try await ledger.store.read { session in try DeliveryStatus(of: whole, in: &session) } == .delivered)
        await ledger.close()
        await partner.stop()
    }
}
