import Delivery
import HTTPClient
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

/// A ledger, a partner's help desk, an agreement between them, and an engine that runs when a test says so.
struct Scene {
    let ledger: TestLedger
    let desk: FakeDesk
    let agreement: TestAgreement
    let client: HTTPClient

    /// - Parameter ours: Our own desk, where there is one.
    init(ours: FakeDesk? = nil) async throws {
        desk = try FakeDesk()
        ledger = try await TestLedger(desk: ours?.url)
        try await ledger.addPartner("lens", at: desk.url)
        agreement = try await ledger.agree(at: desk.url)
        client = try HTTPClient(HTTPClient.Configuration(trust: TrustStore()))
    }

    func share(_ ticket: String) throws -> ReplayRequest.Scope {
        .share(agreement.id, try #require(TicketID(ticket)))
    }

    /// Runs an engine while `body` does.
    func run(_ body: () async throws -> Void) async throws {
        var settings = DeliverySettings(version: "test")
        settings.shortestPoll = .milliseconds(20)
        settings.longestPoll = .milliseconds(50)
        settings.upkeepInterval = .milliseconds(100)
        let store = ledger.store
        let engine = DeliveryEngine(
            store: store,
            client: client,
            settings: settings,
            logger: Logger(label: "test.delivery", logLevel: .critical),
            stateMessages: { delivery in
                try await store.read { session in
                    try StateReplay.messages(
                        agreement: delivery.agreement,
                        ticket: delivery.ticket,
                        to: delivery.destination.kind,
                        in: &session,
                    )
                }
            },
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            do {
                try await body()
                await engine.stop(deadline: .seconds(10))
            } catch {
                await engine.stop(deadline: .zero)
                throw error
            }
        }
    }

    /// Runs an engine until nothing waits and every replay is finished.
    func deliver() async throws {
        try await run {
            try await until(
                "an empty queue",
                """
                SELECT NOT EXISTS (SELECT FROM delivery.queue)
                    AND NOT EXISTS (SELECT FROM delivery.replay WHERE finished_at IS NULL)
                """
            )
        }
    }

    /// Waits until a query says yes: asks again whenever something was committed.
    func until(_ what: String, _ condition: SQL) async throws {
        let store = ledger.store
        let reports = store.commits.reports()
        @Sendable func holds() async throws -> Bool {
            try await store.read { session in try session.query(condition).onlyRow()[0, as: Bool.self] }
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                if try await holds() { return true }
                for await _ in reports where try await holds() { return true }
                return false
            }
            group.addTask {
                // The bound of the wait, not the wait.
                try await Task.sleep(for: .seconds(30))
                return false
            }
            let isMet = try await group.next() ?? false
            group.cancelAll()
            try #require(isMet, "waited in vain for \(what)")
        }
    }

    /// The ticket as our ledger has it, or as it says that the partner has it.
    func held(_ ticket: String, _ view: PointOfView = .us, _ moment: AsOf = .now) async throws -> Ticket {
        try await reconstructed(ticket, view, moment).ticket
    }

    func comments(of ticket: String) async throws -> [HeldComment] {
        try await reconstructed(ticket, .us, .now).comments
    }

    private func reconstructed(
        _ ticket: String,
        _ view: PointOfView,
        _ moment: AsOf,
    ) async throws -> ReconstructedShare {
        let id = try #require(TicketID(ticket))
        let agreement = agreement.id
        let share = try await ledger.store.read { session in
            try Reconstructor.share(agreement: agreement, ticket: id, asOf: moment, view: view, in: &session)
        }
        let found = try #require(share)
        #expect(found.faults.isEmpty)
        return found
    }

    /// The facts of the end of a replay.
    func finished(_ replay: StartedReplay) async throws -> String {
        let last = try await ledger.lastEvent(.replayFinished)
        #expect(last.event.position > replay.receipt.position)
        return last.facts
    }

    func close() async {
        await ledger.close()
        await client.stop()
        await desk.stop()
    }
}
