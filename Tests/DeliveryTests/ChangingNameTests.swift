import Delivery
import HTTPClient
import Ledger
import LedgerStore
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// Names that mean something else from one moment to the next, told by a name server of the test's own to the system's resolver.
@Suite(.schema, .timeLimit(.minutes(5)))
struct ChangingNameTests {
    @Test func `a request goes where its name led when that was vetted, whatever the name means since`() async throws {
        let partner = try FakePartner(host: "127.0.0.2")
        let intruder = try FakePartner(port: partner.port)
        let names = try NameServer { number in
            [number == 0 ? "127.0.0.2" : "127.0.0.1"].compactMap { IPAddress($0) }
        }
        let ledger = try await TestLedger()
        let url = "http://partner.test:\(partner.port)/sharing"
        try await ledger.addPartner("lens", at: url)
        let agreement = try await ledger.agree(with: "lens", at: url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine(ledger.makeEngine(resolver: names.resolver)) { _ in
            try await ledger.untilDelivered()
        }
        #expect(partner.received == ["POST t1"])
        #expect(intruder.received == [])
        #expect(names.questionCount == 1, "a name is looked up once an attempt")
        let begun = try await ledger.events(.attemptBegun)
        #expect(begun.count == 1)
        #expect(begun[0].text(.detail).contains(#""address":"127.0.0.2:\#(partner.port)""#))
        await ledger.close()
        await partner.stop()
        await intruder.stop()
    }

    /// Nobody has the first address: IANA has given nothing of 2d00::/8 to anyone.
    @Test(arguments: ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1"])
    func `a name that turns to an inner address gets nowhere with the next attempt`(inner: String) async throws {
        let insider = try FakePartner()
        let names = try NameServer { number in
            [number == 0 ? "2d00::1" : inner].compactMap { IPAddress($0) }
        }
        let ledger = try await TestLedger { settings in
            settings.schedule = RetrySchedule(pauses: [.seconds(1), .seconds(1)])
            settings.limits.connect = .milliseconds(500)
        }
        let url = "http://partner.test:\(insider.port)/sharing"
        try await ledger.addPartner("lens", at: url) { $0.allowsPrivateAddress = false }
        let agreement = try await ledger.agree(with: "lens", at: url)
        try await ledger.share("t1", under: agreement)
        try await ledger.withEngine(ledger.makeEngine(resolver: names.resolver)) { engine in
            _ = try await ledger.events(.attemptFailed, count: 1)
            ledger.clock.advance(by: .seconds(2))
            engine.wake()
            _ = try await ledger.events(.attemptFailed, count: 2)
        }
        #expect(insider.received == [])
        let begun = try await ledger.events(.attemptBegun)
        #expect(begun[0].text(.detail).contains("[2d00::1]:\(insider.port)"))
        #expect(!begun[1].text(.detail).contains(#""address""#), "it would have connected")
        let failed = try await ledger.events(.attemptFailed)
        #expect(failed[1].text(.detail).contains("is not public"), "\(failed[1].text(.detail))")
        await ledger.close()
        await insider.stop()
    }
}
