import Delivery
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
struct AddressTests {
    @Test func `an address that is not public is refused, retried, and the option named`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url) { $0.allowsPrivateAddress = false }
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await expectRefusal(in: ledger, "--allow-private-address")
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `http is refused unless the partner may be spoken to so`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.execute("UPDATE projection.partner SET allow_http = false")
        try await ledger.share("t1", under: agreement)
        try await expectRefusal(in: ledger, "--allow-http")
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `our own listener is never a target`() async throws {
        let partner = try FakePartner()
        let address = try #require(IPAddress("127.0.0.1"))
        let ledger = try await TestLedger { $0.listeners = [Endpoint(address: address, port: partner.port)] }
        try await ledger.addPartner("lens", at: partner.url)
        let agreement = try await ledger.agree(with: "lens", at: partner.url)
        try await ledger.share("t1", under: agreement)
        try await expectRefusal(in: ledger, "where ShareLedger itself listens on that port: the URL", isForGood: true)
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a name that resolves to an inner address among others is refused as a whole`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        let url = "https://lens.example:\(partner.port)/sharing"
        try await ledger.addPartner("lens", at: url) { $0.allowsPrivateAddress = false }
        let agreement = try await ledger.agree(with: "lens", at: url)
        try await ledger.share("t1", under: agreement)
        let answers = try ["93.184.216.34", "10.0.0.1"].map { try #require(IPAddress($0)) }
        let engine = ledger.makeEngine(resolver: Resolver { _, _ in .addresses(answers) })
        try await expectRefusal(in: ledger, "10.0.0.1 is not public", engine)
        await ledger.close()
        await partner.stop()
    }

    @Test func `what an operator takes back holds for a delivery that is claimed already`() async throws {
        let partner = try FakePartner()
        let ledger = try await TestLedger()
        let url = "http://lens.example:\(partner.port)/sharing"
        try await ledger.addPartner("lens", at: url)
        let agreement = try await ledger.agree(with: "lens", at: url)
        try await ledger.share("t1", under: agreement)
        let address = try #require(IPAddress("127.0.0.1"))
        // Names are looked up between the claim and the attempt.
        let engine = ledger.makeEngine(
            resolver: Resolver { _, _ in
                await ledger.disallowPrivateAddress(of: "lens")
                return .addresses([address])
            },
        )
        try await expectRefusal(in: ledger, "--allow-private-address", engine)
        #expect(partner.requests.isEmpty)
        await ledger.close()
        await partner.stop()
    }

    @Test func `a name that cannot be resolved is a fault like any other of the network`() async throws {
        let ledger = try await TestLedger()
        try await ledger.addPartner("lens", at: "https://lens.example/sharing")
        let agreement = try await ledger.agree(with: "lens", at: "https://lens.example/sharing")
        try await ledger.share("t1", under: agreement)
        let engine = ledger.makeEngine(resolver: Resolver { _, _ in .failed(.unknownName) })
        try await expectRefusal(in: ledger, "the name does not exist", engine)
        await ledger.close()
    }

    private func expectRefusal(
        in ledger: TestLedger,
        _ reason: String,
        _ engine: DeliveryEngine? = nil,
        isForGood: Bool = false,
    ) async throws {
        try await ledger.withEngine(engine) { _ in
            let failed = try await ledger.events(.attemptFailed, count: 1)
            #expect(failed[0].text(.detail).contains(reason))
            #expect(failed[0].text(.facts).contains(isForGood ? #""class":"refused""# : #""class":"retry""#))
            #expect(failed[0].event.attempt == 1)
        }
        let begun = try await ledger.events(.attemptBegun)
        #expect(begun.count == 1)
        #expect(!begun[0].text(.detail).contains("address"))
        #expect(try await ledger.value("SELECT state FROM delivery.queue") == (isForGood ? "parked" : "waiting"))
    }
}
