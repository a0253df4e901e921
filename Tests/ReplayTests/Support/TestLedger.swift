import JSON
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Replay
import Sharing
import TestSupport
import Testing
import TicketSharing

extension Trait where Self == DatabaseTrait {
    /// A database with the whole schema for every test.
    static var schema: Self {
        .database(template: "replay") { database in
            let connection = try await PostgresConnection.open(
                PostgresConfiguration(server: .keywords(database.parameters(as: .owner))),
            )
            try await connection.withSession { session in _ = try Migrator.migrate(in: &session) }
            await connection.close()
        }
    }
}

/// A ledger with what a test puts into it, as gateway and delivery would.
struct TestLedger: Sendable {
    static let keys = KeyRing(master: [UInt8](0..<32))
    static let publicURL = "https://us.example/sharing"
    static let key = "0123456789abcdef0123456789abcdef01234567"

    let store: Store

    /// - Parameter desk: The base URL of our own desk.
    init(desk: String? = nil) async throws {
        let settings = SharingSettings(
            publicURL: try BaseURL(Self.publicURL),
            deskURL: try desk.map { try BaseURL($0) },
            privateURL: try BaseURL("http://127.0.0.1:8411"),
            isStrict: false,
        )
        let configuration = PostgresConfiguration(server: .keywords(TestDatabase.current.parameters(as: .service)))
        store = Store(
            configuration: configuration,
            settings: settings,
            keys: Self.keys,
            logger: Logger(label: "test", logLevel: .error),
        )
        let origin = try #require(Origin(name: "test.example", epoch: 1))
        _ = try await store.read { session in
            try LedgerInitializer.open(
                origin,
                settings: settings,
                keys: Self.keys,
                operator: "test",
                at: .now(),
                in: &session
            )
        }
        try await store.read { session in try SavedSettings(settings).save(in: &session) }
    }

    var replayer: Replayer { Replayer(store: store) }

    static let warrant = Warrant(reason: "a test", operator: "tester")!

    /// The plan of what must be found.
    func plan(_ request: ReplayRequest) async throws -> ReplayPlan {
        try await replayer.plan(request)
    }

    /// A replay that must be carried out.
    @discardableResult
    func start(_ request: ReplayRequest) async throws -> (plan: ReplayPlan, replay: StartedReplay) {
        let outcome = try await replayer.start(request, Self.warrant)
        guard case .started(let plan, let replay) = outcome else { throw NotStarted(outcome: outcome) }
        return (plan, replay)
    }

    struct NotStarted: Error {
        let outcome: Replayer.Outcome
    }

    func close() async {
        await store.close()
    }
}

// MARK: - Partners and agreements

/// An agreement of a test, accepted by both sides.
struct TestAgreement: Sendable {
    let id: AgreementID
    let partner: String
    var key = TestLedger.key

    var token: String { "\(id.text):\(key)" }
}

extension TestLedger {
    @discardableResult
    func addPartner(_ name: String, at url: String) async throws -> PartnerRecord {
        let base = try BaseURL(url)
        let added: Result<PartnerRecord, OperatorFault> = try await store.appender.append(StateKeys(), byteCount: 0) {
            transaction in
            var settings = PartnerSettings(name: name, url: base)
            settings.allowsHTTP = true
            settings.allowsPrivateAddress = true
            return Result { () throws(OperatorFault) in try transaction.acceptPartner(settings, operator: "test").0 }
        }
        return try added.get()
    }

    func setPaused(_ isPaused: Bool, _ name: String) async throws {
        let changed: Result<(PartnerRecord, Receipt), OperatorFault> = try await store.appender.append(
            StateKeys(),
            byteCount: 0
        ) {
            transaction in
            Result { () throws(OperatorFault) in try transaction.setPaused(isPaused, partner: name, operator: "test") }
        }
        _ = try changed.get()
    }

    /// An accepted agreement: by our invitation, or by the partner's.
    func agree(
        _ id: String = "a1",
        with partner: String = "lens",
        at url: String = "https://lens.example/sharing",
        weSend: Bool = true,
    ) async throws -> TestAgreement {
        let agreement = TestAgreement(id: try #require(AgreementID(id)), partner: partner)
        let (sender, receiver) = weSend ? (Self.publicURL, url) : (url, Self.publicURL)
        let body = """
            {"uuid":"\(id)","name":"Sender","sender_url":"\(sender)","receiver_url":"\(receiver)",\
            "access_key":"\(agreement.key)","status":"pending"}
            """
        try await send(weSend ? .outbound : .inbound, "POST", .agreements, id, agreement, body: body, hasToken: false)
        try await setStatus(.accepted, of: agreement, weSend ? .inbound : .outbound)
        return agreement
    }

    @discardableResult
    func setStatus(_ status: Agreement.Status, of agreement: TestAgreement, _ direction: Direction) async throws
        -> Receipt
    {
        try await send(
            direction,
            "PUT",
            .agreements,
            agreement.id.text,
            agreement,
            body: #"{"status":"\#(status.rawValue)"}"#
        )
    }

    /// Our desk gives the agreement another key.
    func rotateKey(of agreement: TestAgreement, to key: String) async throws -> TestAgreement {
        try await send(.outbound, "PUT", .agreements, agreement.id.text, agreement, body: #"{"access_key":"\#(key)"}"#)
        var agreement = agreement
        agreement.key = key
        return agreement
    }
}

// MARK: - Messages

extension TestLedger {
    /// A ticket message, from our desk unless said otherwise.
    @discardableResult
    func ticket(
        _ method: String,
        _ id: String,
        under agreement: TestAgreement,
        _ direction: Direction = .outbound,
        body: String = "",
    ) async throws -> Receipt {
        try await send(direction, method, .tickets, id, agreement, body: body)
    }

    @discardableResult
    func share(_ id: String, under agreement: TestAgreement, _ direction: Direction = .outbound) async throws -> Receipt
    {
        let body =
            #"{"uuid":"\#(id)","subject":"A lens","status":"open","comments":[{"uuid":"\#(id)-c0","body":"Hello"}]}"#
        return try await ticket("POST", id, under: agreement, direction, body: body)
    }

    /// Changes the subject and adds a comment named by it.
    @discardableResult
    func update(
        _ id: String,
        _ subject: String,
        under agreement: TestAgreement,
        _ direction: Direction = .outbound,
    ) async throws -> Receipt {
        let body = #"{"subject":"\#(subject)","comments":[{"uuid":"\#(id)-\#(subject)","body":"Now \#(subject)"}]}"#
        return try await ticket("PUT", id, under: agreement, direction, body: body)
    }

    /// Puts a request of the protocol through a decision, as the gateway does; it must be accepted.
    @discardableResult
    func send(
        _ direction: Direction,
        _ method: String,
        _ resource: Resource,
        _ id: String,
        _ agreement: TestAgreement,
        body: String = "",
        hasToken: Bool = true,
    ) async throws -> Receipt {
        let capture = capture(direction, method, resource, id, agreement, body: body, hasToken: hasToken)
        let answer = try await store.appender.append(StateKeys(of: capture), byteCount: body.utf8.count) {
            transaction in
            transaction.decide(capture) { true }
        }
        try #require(answer.status < 300 && !answer.isRepeat, "\(answer)")
        return try #require(answer.receipt)
    }

    func capture(
        _ direction: Direction,
        _ method: String,
        _ resource: Resource,
        _ id: String,
        _ agreement: TestAgreement,
        body: String,
        hasToken: Bool = true,
    ) -> Capture {
        var fields: [IncomingRequest.Field] = [(Array("Content-Type".utf8)[...], Array("application/json".utf8)[...])]
        if hasToken { fields.append((Array(Token.headerName.utf8)[...], Array(agreement.token.utf8)[...])) }
        let request = IncomingRequest(
            direction: direction,
            method: method,
            target: "/\(resource.rawValue)/\(id)",
            version: "HTTP/1.1",
            fields: fields,
            body: Array(body.utf8),
            isBodyCut: false,
            route: IncomingRequest.Route(resource: resource, identifier: id),
            partner: direction == .outbound ? agreement.partner : nil,
            source: "192.0.2.1",
        )
        return RequestReader(keys: Self.keys).read(request, at: .now())
    }
}

// MARK: - Deliveries without an engine

extension TestLedger {
    /// Records all that waits as delivered, and leaves the queue empty.
    func deliverAll() async throws {
        let waiting = try await store.read { session in
            try session.query(
                """
                SELECT s.name, sh.ticket, q.message_id
                FROM delivery.queue AS q
                JOIN ledger.stream AS s ON s.stream_id = q.stream_id
                LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
                WHERE q.state = 'waiting'
                ORDER BY q.queue_position, q.item
                """
            )
            .decode((String, String?, EventID).self)
        }
        for (name, ticket, message) in waiting {
            try await acknowledge(message, stream: try #require(StreamName(name)), ticket: ticket)
        }
        try await execute("DELETE FROM delivery.queue WHERE state = 'waiting'")
    }

    private func acknowledge(_ message: EventID, stream: StreamName, ticket: String?) async throws {
        var keys = StateKeys(agreement: try #require(stream.agreement.flatMap { AgreementID($0) }))
        if let ticket { keys.shares = [ShareName(stream: stream, ticket: ticket)] }
        try await store.appender.append(keys, byteCount: 500) { transaction in
            for type in [EventType.attemptBegun, .attemptSucceeded] {
                let facts = Facts.object { $0.member("destination", "partner") }
                _ = transaction.append(
                    EventDraft(
                        type,
                        direction: .outbound,
                        stream: stream,
                        ticket: ticket,
                        about: message,
                        exchange: transaction.newExchange(),
                        attempt: 1,
                        status: type == .attemptBegun ? nil : 200,
                        parts: [transaction.part(.facts, facts)],
                    ),
                )
            }
        }
    }

    /// Has the lane of a ticket stand still at its head.
    func park(_ ticket: String) async throws {
        try await execute(
            """
            UPDATE delivery.queue
            SET state = 'parked',
                reason = 'test'
            WHERE is_head
                AND share_id = (SELECT share_id FROM ledger.share WHERE ticket = \(ticket))
            """
        )
    }
}

// MARK: - Meddling

extension TestLedger {
    /// Changes what stands in the ledger as only a superuser can who has switched its guards off.
    func meddle(_ change: String) async throws {
        try await TestDatabase.current.execute(
            """
            BEGIN;
            ALTER TABLE ledger.payload DISABLE TRIGGER refuse_change;
            ALTER TABLE ledger.event DISABLE TRIGGER refuse_change;
            \(change);
            ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change;
            ALTER TABLE ledger.payload ENABLE ALWAYS TRIGGER refuse_change;
            COMMIT;
            """
        )
    }

    /// Has a message say, in as many bytes and in good JSON, something else than was recorded.
    func alterBody(of message: Receipt) async throws {
        let position = "position = \(message.position) AND part = 'body'"
        let read = "SELECT convert_from(content, 'UTF8') FROM ledger.payload WHERE \(position)"
        let before = try await TestDatabase.current.execute(read)
        try await meddle(
            "UPDATE ledger.payload SET content = replace(convert_from(content, 'UTF8'), 'body', 'bodY')::bytea WHERE \(position)"
        )
        try await #require(TestDatabase.current.execute(read) != before)
    }
}

// MARK: - What stands in the database

/// A row of the queue.
struct QueueRow: Sendable, Equatable {
    let ticket: String?
    let message: Position
    let kind: String
    let item: Int32
    let replay: Position?
    let isHead: Bool
    let isBarrier: Bool
}

extension TestLedger {
    func execute(_ sql: SQL) async throws {
        try await store.read { session in _ = try session.execute(sql) }
    }

    func value(_ sql: SQL) async throws -> String {
        try await store.read { session in try session.query(sql).onlyRow()[0, as: String.self] }
    }

    func queue() async throws -> [QueueRow] {
        try await store.read { session in
            try session.query(
                """
                SELECT sh.ticket, q.message_position, q.kind, q.item, q.replay_id, q.is_head, q.is_barrier
                FROM delivery.queue AS q
                LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
                ORDER BY q.queue_position, q.item
                """
            )
            .decode((String?, Position, String, Int32, Position?, Bool, Bool).self)
            .map {
                QueueRow(
                    ticket: $0.0,
                    message: $0.1,
                    kind: $0.2,
                    item: $0.3,
                    replay: $0.4,
                    isHead: $0.5,
                    isBarrier: $0.6
                )
            }
        }
    }

    /// The last event of a type with its parts as text.
    func lastEvent(_ type: EventType) async throws -> (event: StoredEvent, facts: String, detail: String) {
        try await store.read { session in
            let events = try LedgerReader.events(
                where: "e.type = \(type.rawValue)",
                limit: 1,
                isDescending: true,
                in: &session
            )
            let event = try #require(events.first)
            let parts = try LedgerReader.parts(of: event.position, in: &session)
            func text(_ part: PartName) -> String { String(decoding: parts[part]?.content ?? [], as: UTF8.self) }
            return (event, text(.facts), text(.detail))
        }
    }
}
