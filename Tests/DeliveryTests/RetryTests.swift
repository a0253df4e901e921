import Cryptography
import Delivery
import Foundation
import HTTPClient
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
struct RetryTests {
    /// Adds nothing to a pause.
    private static let noJitter = Randomness { [UInt8](repeating: 0, count: $0) }

    @Test func `a failing delivery is tried again by the schedule and parked after the last try`() async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: 500) }
        let ledger = try await TestLedger { $0.schedule = RetrySchedule(pauses: [.seconds(5), .seconds(60)]) }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.update("t1", under: agreement, subject: "behind")
        let engine = ledger.makeEngine(randomness: Self.noJitter)
        try await ledger.withEngine(engine) { engine in
            let start = ledger.clock.now
            for (number, pause) in [5, 60].enumerated() {
                _ = try await ledger.events(.attemptFailed, count: number + 1)
                let due = ledger.clock.now.advanced(by: .seconds(pause))
                #expect(try await ledger.dueTime() == due)
                // A moment before it is due nothing happens: the canary of another lane is what comes next.
                ledger.clock.advance(by: .seconds(pause))
                engine.wake()
            }
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(ledger.clock.now == start.advanced(by: .seconds(65)))
            #expect(parked[0].text(.facts).contains(#""class":"exhausted""#))
            #expect(parked[0].event.attempt == 3)
        }
        let failed = try await ledger.events(.attemptFailed)
        #expect(failed.map(\.event.attempt) == [1, 2, 3])
        #expect(Set(failed.map(\.event.exchange)).count == 3)
        #expect(failed.map { $0.text(.facts).contains("due_at") } == [true, true, false])
        #expect(partner.received == ["POST t1", "POST t1", "POST t1"])
        #expect(
            try await ledger.value("SELECT reason FROM delivery.queue WHERE state = 'parked'")
                == "the answer was 500; that was the last try"
        )
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: [(503, "7200", 7200), (429, "1", 5), (503, "999999999999", 86_400), (503, "soon", 5)])
    func `Retry-After lengthens a pause, up to a day`(status: Int, value: String, seconds: Int) async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: status, headers: [.init("Retry-After", value)]) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine(ledger.makeEngine(randomness: Self.noJitter)) { _ in
            let failed = try await ledger.events(.attemptFailed, count: 1)
            let due = ledger.clock.now.advanced(by: .seconds(seconds))
            #expect(try await ledger.dueTime() == due)
            #expect(failed[0].text(.facts).contains(#""class":"retry""#))
            #expect(failed[0].text(.facts).contains(#""due_at":"\#(due)""#))
        }
        await ledger.close()
        await partner.stop()
    }

    @Test(arguments: [400, 401, 403, 404, 409, 410, 422])
    func `an answer that says no for good parks at once`(status: Int) async throws {
        let partner = try FakePartner { _, _ in HTTPResponse(status: status) }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(parked[0].text(.facts).contains(#""class":"refused""#))
        }
        #expect(try await ledger.value("SELECT reason FROM delivery.queue") == "the answer was \(status)")
        #expect(
            try await ledger.value("SELECT (claim IS NULL AND exchange IS NULL)::text FROM delivery.queue") == "true"
        )
        await ledger.close()
        await partner.stop()
    }

    @Test func `a token in what a partner answers is not stored`() async throws {
        let partner = try FakePartner { _, request in
            let token = request.headers.first("X-Ticket-Sharing-Token") ?? ""
            return HTTPResponse(status: 302, headers: [.init("Location", "http://elsewhere.example/?token=\(token)")])
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(parked[0].text(.detail).contains("a redirect to http://elsewhere.example/?token="))
            #expect(parked[0].text(.detail).contains("[secret]"))
        }
        let token = try #require(partner.requests.first?.headers.first("X-Ticket-Sharing-Token"))
        let key = try #require(token.split(separator: ":").last)
        #expect(try await ledger.value("SELECT strpos(reason, \(String(key)))::text FROM delivery.queue") == "0")
        await ledger.close()
        await partner.stop()
    }

    @Test func `a redirect is not followed`() async throws {
        let elsewhere = try FakePartner()
        let partner = try FakePartner { _, _ in
            HTTPResponse(status: 307, headers: [.init("Location", "\(elsewhere.url)/tickets/t1")])
        }
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { _ in
            let parked = try await ledger.events(.deliveryParked, count: 1)
            #expect(parked[0].text(.facts).contains(#""class":"redirect""#))
            #expect(parked[0].text(.detail).contains("a redirect to \(elsewhere.url)/tickets/t1"))
        }
        #expect(elsewhere.requests.isEmpty)
        await ledger.close()
        await partner.stop()
        await elsewhere.stop()
    }

    @Test func `a partner that cannot be reached costs a few tries, not one of every lane`() async throws {
        // A port of the system, as one that was given back might be another test's by now.
        let url = "http://127.0.0.1:9/sharing"
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: url)
        let agreement = try await ledger.agree(with: "lens", at: url)
        for number in 0..<30 {
            try await ledger.share("t\(number)", under: agreement)
        }
        try await ledger.withEngine(ledger.makeEngine(randomness: Self.noJitter)) { engine in
            _ = try await ledger.events(.attemptFailed, count: 5)
            try await ledger.until("no claim") { session in
                try session.query("SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL").onlyRow()[
                    0,
                    as: Int64.self
                ] == 0
            }
            let failed = try await ledger.events(.attemptFailed)
            #expect((5...8).contains(failed.count))
            #expect(failed[0].text(.detail).contains("could not connect"))
            let before = failed.count
            ledger.clock.advance(by: .seconds(61))
            engine.wake()
            // Thirty lanes are due; one of them is tried.
            #expect(try await ledger.events(.attemptFailed, count: before + 1).count == before + 1)
            try await ledger.until("no claim") { session in
                try session.query("SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL").onlyRow()[
                    0,
                    as: Int64.self
                ] == 0
            }
            #expect(try await ledger.events(.attemptFailed).count == before + 1)
        }
        #expect(try await ledger.events(.attemptUnknown).isEmpty)
        await ledger.close()
    }

    @Test func `a request that may have arrived is unknown, and sent again`() async throws {
        let partner = try FakePartner { number, _ in
            guard number == 0 else { return HTTPResponse(status: 201) }
            // Longer than the client waits; the cancelled sleep ends with the server.
            try? await Task.sleep(for: .seconds(60))
            return HTTPResponse(status: 500)
        }
        let ledger = try await TestLedger { $0.limits.total = .seconds(1) }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine { engine in
            let unknown = try await ledger.events(.attemptUnknown, count: 1)
            #expect(unknown[0].text(.detail).contains("timed out (answer)"))
            ledger.clock.advance(by: .seconds(6))
            engine.wake()
            try await ledger.untilDelivered()
        }
        #expect(partner.requests.map { $0.headers.first("Idempotency-Key") }.count == 2)
        #expect(Set(partner.requests.map { $0.headers.first("Idempotency-Key") }).count == 1)
        await ledger.close()
        await partner.stop()
    }
}

extension TestLedger {
    fileprivate func dueTime() async throws -> Timestamp {
        try await store.read { session in
            try session.query("SELECT due_at FROM delivery.queue WHERE is_head").onlyRow()[0, as: Timestamp.self]
        }
    }
}
