import Ledger
import LedgerStore
import Linux
import Postgres
import Sharing
import TestRequests
import TestSupport
import Testing
import Transfer

/// What an imported ledger begins with: it names where it comes from, and sends nothing by itself.
@Suite(.schema) struct NewEpochTests {
    private let source = TestDatabase.current

    @Test func `the new epoch names the old origin, its size and its root`() async throws {
        try await source.fill(requestCount: 5)
        let bytes = try source.exported()
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            let facts = try target.rows(
                """
                SELECT e.position, e.type, convert_from(p.content, 'SQL_ASCII')::jsonb - 'v' AS facts
                FROM ledger.event AS e
                JOIN ledger.payload AS p ON p.position = e.position AND p.part = 'facts'
                WHERE e.position = \(report.eventCount)
                """
            )
            let text =
                #""{""root"": ""\#(report.root)"", ""size"": \#(report.eventCount), ""origin"": ""desk.example/sharing/2"", ""old_origin"": ""desk.example/sharing/1""}""#
            #expect(facts == ["(\(report.eventCount),epoch.opened,\(text))"])
            let operators = try target.rows(
                "SELECT operator FROM audit.operation WHERE operation = 'epoch.opened' AND position > 0"
            )
            #expect(operators == ["(tests)"])
        }
    }

    @Test func `nothing may be claimed until an operator says so, and nothing that waited is lost`() async throws {
        try await source.fill(requestCount: 60)
        let waiting = try source.number("SELECT count(*) FROM delivery.queue")
        let active = try source.rows("SELECT name FROM projection.partner WHERE state = 'active' AND NOT paused")
        let bytes = try source.exported()
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            #expect(report.pausedPartners.map { "(\($0))" } == active)
            #expect(report.pausedReplays.count == 3)
            #expect(report.heldDeskCount > 3)
            #expect(report.deliveryCount == waiting)
            #expect(try target.number("SELECT count(*) FROM delivery.queue") == waiting)
            #expect(try target.number(Self.claimable) == 0)
            // Each by an event of the new epoch.
            let held = try target.rows(
                "SELECT type, count(*) FROM ledger.event WHERE position > \(report.eventCount) GROUP BY type"
            )
            #expect(
                held == [
                    "(attempt.unknown,2)", "(delivery.parked,\(report.heldDeskCount))",
                    "(partner.state_changed,\(active.count))",
                    "(replay.paused,3)",
                ]
            )
            #expect(
                try target.number("SELECT count(*) FROM delivery.queue WHERE claim IS NOT NULL OR exchange IS NOT NULL")
                    == 0
            )
            try await target.withStore { store in try await store.setPaused("partner", false) }
            #expect(try target.number(Self.claimable) > 0)
        }
    }

    /// A second from now, so that nothing is only not due yet; a replay that is paused stays out.
    private static let claimable =
        "SELECT count(*) FROM delivery.claim(gen_random_uuid(), 30, now() + interval '10 days', 1000, 1000000000, 100, 0)"

    @Test func `attempts that were under way are unknown, and those before are as they were`() async throws {
        try await source.fill(requestCount: 60)
        let begun = try source.rows("SELECT exchange FROM delivery.queue WHERE exchange IS NOT NULL")
        let bytes = try source.exported()
        try await source.withTarget { target in
            let report = try target.importing(bytes)
            let ended = try target.rows(
                "SELECT exchange FROM ledger.event WHERE type = 'attempt.unknown' AND position > \(report.eventCount)"
            )
            #expect(begun.count == 2 && ended == begun)
            let open = try target.number(
                "SELECT count(*) FROM ledger.event AS b WHERE b.type = 'attempt.begun' AND NOT EXISTS (SELECT FROM ledger.event AS e WHERE e.exchange = b.exchange AND e.type <> 'attempt.begun')"
            )
            #expect(open == 0)
        }
    }

    @Test func `without the key file, or with another, it is said who cannot act`() async throws {
        try await source.fill(requestCount: 5)
        let bytes = try source.exported()
        let agreements = ["in-1", "in-2", "out-1", "out-2", "out-9", "in-8", "in-7"]
        let other = KeyRing(master: [UInt8](repeating: 99, count: KeyRing.masterByteCount))
        for (keys, reason) in [(nil, MuteAgreement.Reason.noKeyFile), (other, .unopened)] {
            try await source.withTarget { target in
                let report = try target.importing(bytes, keys: keys)
                #expect(Set(report.muteAgreements.map(\.agreement)) == Set(agreements))
                #expect(report.muteAgreements.allSatisfy { $0.reason == reason })
                #expect(report.muteAgreements.first { $0.agreement == "out-9" }?.partner == "other")
                // Secrets travelled as they were stored: with the right keys all is well.
                try await target.check()
            }
        }
    }

    @Test func `a ledger that is there is left alone`() async throws {
        try await source.fill(requestCount: 5)
        let bytes = try source.exported()
        let before = try source.rows("SELECT * FROM ledger.event")
        let refused = #expect(throws: TransferFault.self) { try source.importing(bytes) }
        #expect(refused?.kind == .state)
        #expect(refused?.description.contains("there is the ledger desk.example/sharing/1") == true)
        #expect(try source.rows("SELECT * FROM ledger.event") == before)
        try await source.withTarget { target in
            try target.importing(bytes)
            #expect(throws: TransferFault.self) { try target.importing(bytes) }
        }
    }
}
