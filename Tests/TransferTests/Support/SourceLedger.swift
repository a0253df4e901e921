import Cryptography
import Foundation
import JSON
import Ledger
import LedgerStore
import Linux
import Logging
import Postgres
import PostgresCluster
import Projections
import Replay
import Sharing
import TestRequests
import TestSupport
import Testing
import TicketSharing
import Transfer

extension Trait where Self == DatabaseTrait {
    /// A database with the whole schema and no ledger for every test.
    static var schema: Self {
        .database(template: "transfer", prepare: TestDatabase.migrate)
    }
}

extension TestDatabase {
    static let migrate: @Sendable (TestDatabase) async throws -> Void = { database in
        var session = try database.session(as: .owner)
        _ = try Migrator.migrate(in: &session)
    }

    func configuration(as role: ClusterRole = .service) -> PostgresConfiguration {
        PostgresConfiguration(server: .keywords(parameters(as: role)), applicationName: "tests \(role.rawValue)")
    }

    func session(as role: ClusterRole = .service) throws -> PostgresSession {
        try PostgresSession.open(configuration(as: role))
    }

    /// Lends an empty database with the whole schema.
    func withTarget<Result>(_ body: (TestDatabase) async throws -> Result) async throws -> Result {
        try await withAnother(template: "transfer", prepare: Self.migrate, body)
    }

    func withStore<Result>(_ body: (Store) async throws -> Result) async throws -> Result {
        let store = Store(
            configuration: configuration(),
            settings: try MemoryLedger.settings(deskURL: "https://help.example/sharing"),
            keys: MemoryLedger.keys,
            logger: Logger(label: "tests", logLevel: .critical),
            poolSize: 2,
        )
        do {
            let result = try await body(store)
            await store.close()
            return result
        } catch {
            await store.close()
            throw error
        }
    }

    /// The rows of a query as text, in order.
    func rows(_ sql: String) throws -> [String] {
        var session = try session(as: .administrator)
        return try session.query(SQL(unescaped: "SELECT r::text FROM (\(sql)) AS r ORDER BY 1")).decode((String).self)
    }

    /// The only value of a query.
    func number(_ sql: String) throws -> Int64 {
        var session = try session(as: .administrator)
        return try session.query(SQL(unescaped: sql)).onlyRow()[0, as: Int64.self]
    }
}

// MARK: - A ledger with everything

extension TestDatabase {
    /// Opens a ledger and puts into it whatever a ledger can hold.
    func fill(requestCount: Int = 150) async throws {
        try open()
        try await withStore { store in
            for (name, url) in [("partner", TestRequest.partnerURL), ("other", "https://other.example/sharing")] {
                try await store.addPartner(name, url: url)
            }
            for request in GeneratedTraffic.preparation { try await store.must(request) }
            try await store.must(.ownInvitation("out-9", to: "other", at: "https://other.example/sharing"))
            // Invitations that nobody has answered, and one that is declined.
            try await store.must(.invitation("in-8", from: "https://stranger.example/sharing"))
            try await store.must(.invitation("in-9"))
            try await store.must(.deskSets("declined", of: "in-9", with: "partner"))
            var traffic = GeneratedTraffic(seed: SeededGenerator.seed, label: "t")
            for _ in 0..<requestCount { _ = try await store.answer(traffic.next()) }
            // Of agreements that the traffic does not know, and so leaves accepted.
            try await store.must(.invitation("in-7"))
            try await store.must(.deskSets("accepted", of: "in-7", with: "partner"))
            let shared = try await store.must(TestRequest.erasedShare.with("Idempotency-Key", "k1"))
            try await store.must(.share("kept", under: "in-7", Self.keptComment))
            try await store.erase([(try #require(shared.receipt).position, "body")])
            try await store.erase([(Position(rawValue: 1), "detail")])
            try await store.setPaused("other")
            try await store.replay()
            try await disturb(store)
        }
        try await follow()
    }

    private static let keptComment = #""comments":[{"uuid":"k1","body":"Grüße","author":{"uuid":"p1","name":"Ann"}}]"#

    private func open() throws {
        var session = try session()
        let settings = try MemoryLedger.settings(deskURL: "https://help.example/sharing")
        _ = try LedgerInitializer.open(
            Origin(name: "desk.example/sharing", epoch: 1)!,
            settings: settings,
            keys: MemoryLedger.keys,
            operator: "tests",
            at: .now(),
            in: &session,
        )
        try SavedSettings(settings).save(in: &session)
    }

    /// Deliveries in all states, and how a partner has answered.
    private func disturb(_ store: Store) async throws {
        var session = try session()
        let heads = try session.query(
            """
            SELECT q.delivery_id, q.partner_id, q.message_position
            FROM delivery.queue AS q
            WHERE q.is_head AND q.state = 'waiting'
            ORDER BY q.delivery_id
            """
        ).decode((Int64, Int64, Position).self)
        let toPartner = heads.filter { $0.1 > 0 }
        let toDesk = heads.filter { $0.1 == 0 }
        try #require(toPartner.count > 3 && toDesk.count > 3, "\(heads)")
        try session.execute(
            """
            UPDATE delivery.queue
            SET state = 'parked', reason = 'refused'
            WHERE delivery_id = ANY (\([toPartner[0].0, toDesk[0].0]))
            """
        )
        try session.execute(
            """
            UPDATE delivery.queue
            SET claim = gen_random_uuid(), claimed_until = now() + interval '1 minute'
            WHERE delivery_id = ANY (\([toPartner[1].0, toDesk[1].0]))
            """
        )
        for (delivery, destination, message) in [toPartner[2], toDesk[2]] {
            let exchange = EventID(at: .now(), randomness: .system)
            try await store.record([.attemptBegun], exchange, of: message, to: destination == 0 ? "desk" : "partner")
            try session.execute(
                """
                UPDATE delivery.queue
                SET claim = gen_random_uuid(), claimed_until = now() + interval '1 minute', exchange = \(exchange),
                    attempts = 1, tries = 1
                WHERE delivery_id = \(delivery)
                """
            )
        }
        // One that has arrived.
        let (delivered, _, message) = try #require(toDesk.dropFirst(3).first)
        try await store.record(
            [.attemptBegun, .attemptSucceeded],
            EventID(at: .now(), randomness: .system),
            of: message,
            to: "desk"
        )
        try session.execute(
            """
            WITH gone AS (DELETE FROM delivery.queue WHERE delivery_id = \(delivered) RETURNING *)
            UPDATE delivery.queue AS q
            SET is_head = true
            WHERE q.delivery_id = (
                SELECT n.delivery_id
                FROM delivery.queue AS n
                JOIN gone ON n.partner_id = gone.partner_id
                    AND n.stream_id = gone.stream_id
                    AND n.share_id IS NOT DISTINCT FROM gone.share_id
                    AND n.delivery_id <> gone.delivery_id
                ORDER BY n.queue_position
                LIMIT 1
            )
            """
        )
        try session.execute(
            """
            INSERT INTO delivery.destination (
                partner_id, state, since, reason, failures, history, refusals, canary_at, canaries, canary)
            SELECT partner_id, 'out', now(), 'no answer', 3, 7, 0, now(), 1, \(toPartner[2].0)
            FROM projection.partner
            WHERE name = 'partner'
            """
        )
    }

    /// Has the following projections come to the end.
    func follow() async throws {
        let last = Position(rawValue: try number("SELECT max(position) FROM ledger.event"))
        let logger = Logger(label: "tests", logLevel: .critical)
        let follower = Follower(configuration: configuration(), commits: nil, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await follower.run() }
            try #require(await follower.waitUntil(last, within: .seconds(60)))
            group.cancelAll()
        }
    }
}

extension TestRequest {
    /// What brings a ticket whose body is erased afterwards.
    static let erasedShare = TestRequest.share("erased", under: "in-7", #""comments":[{"uuid":"e1","body":"x"}]"#)
}

extension Store {
    func addPartner(_ name: String, url: String) async throws {
        let settings = PartnerSettings(name: name, url: try BaseURL(url))
        let added = try await appender.append(StateKeys(), byteCount: 1024) { transaction in
            Result { () throws(OperatorFault) in try transaction.acceptPartner(settings, operator: "tests") }
        }
        _ = try added.get()
    }

    func setPaused(_ partner: String, _ isPaused: Bool = true) async throws {
        let changed = try await appender.append(StateKeys(), byteCount: 1024) { transaction in
            Result { () throws(OperatorFault) in
                try transaction.setPaused(isPaused, partner: partner, operator: "tests").1
            }
        }
        _ = try changed.get()
    }

    func answer(_ request: TestRequest) async throws(AppendError) -> Answer {
        let capture = RequestReader(keys: keys).read(request.incoming, at: .now())
        return try await appender.append(StateKeys(of: capture), byteCount: request.body.count + 1024) { transaction in
            guard capture.method != "GET" else { return transaction.answerRead(capture) }
            return transaction.decide(capture) { true }
        }
    }

    /// A request that has to be taken.
    @discardableResult
    func must(_ request: TestRequest) async throws -> Answer {
        let answer = try await self.answer(request)
        try #require(answer.status < 300, "\(request.method) \(request.path): \(answer)")
        return answer
    }

    /// Records events of an attempt.
    func record(_ types: [EventType], _ exchange: EventID, of message: Position, to destination: String) async throws {
        let event = try #require(try await read { session in try LedgerReader.event(at: message, in: &session) })
        var needs = StateKeys()
        needs.streams = [event.stream]
        if let ticket = event.ticket { needs.shares = [ShareName(stream: event.stream, ticket: ticket)] }
        _ = try await appender.append(needs, byteCount: 100) { transaction in
            let facts = Facts.object { facts in
                facts.member("destination", destination)
                facts.member("message", message.rawValue)
            }
            for type in types {
                _ = transaction.append(
                    EventDraft(
                        type,
                        direction: event.direction,
                        stream: event.stream,
                        ticket: event.ticket,
                        about: event.event,
                        exchange: exchange,
                        attempt: 1,
                        status: type == .attemptSucceeded ? 200 : nil,
                        parts: [transaction.part(.facts, facts)],
                    ),
                )
            }
        }
    }

    /// Has all that was said to the partner sent again: to it, to our desk, and to a sandbox.
    func replay() async throws {
        let warrant = try #require(Warrant(reason: "they lost it", operator: "tests"))
        let sandbox = ReplayTarget.Sandbox(try BaseURL("https://sandbox.example/sharing"), allowsPrivateAddress: true)
        for target in [ReplayTarget.partner, .sandbox(sandbox), .desk] {
            let request = ReplayRequest(.partner("partner"), mode: .state, target: target)
            let outcome = try await Replayer(store: self).start(request, warrant)
            guard case .started = outcome else { throw Unexpected(text: "\(outcome)") }
        }
    }
}

struct Unexpected: Error {
    let text: String
}
