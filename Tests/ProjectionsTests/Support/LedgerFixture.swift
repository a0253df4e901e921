import Foundation
import JSON
import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Projections
import Sharing
import TestSupport
import Testing
import TicketSharing

/// A ledger on a database of its own, written to as the service writes to it.
final class LedgerFixture: Sendable {
    static let publicURL = "https://us.example/sharing"
    static let privateURL = "http://127.0.0.1:8411"

    let database: TestDatabase
    let keys = KeyRing(master: [UInt8](repeating: 7, count: KeyRing.masterByteCount))
    let settings: SharingSettings
    let store: Store
    let reader: RequestReader

    init(
        _ database: TestDatabase = .current,
        limits: Appender.Limits = Appender.Limits(),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
    ) async throws {
        self.database = database
        settings = SharingSettings(
            publicURL: try BaseURL(Self.publicURL),
            deskURL: nil,
            privateURL: try BaseURL(Self.privateURL),
            isStrict: false,
        )
        store = Store(
            configuration: database.configuration(),
            settings: settings,
            keys: keys,
            logger: .silent,
            limits: limits,
            clock: clock,
        )
        reader = RequestReader(keys: keys)
        let (settings, keys) = (settings, keys)
        _ = try await store.read { session in
            try LedgerInitializer.open(
                Origin(name: "us.example/sharing", epoch: 1)!,
                settings: settings,
                keys: keys,
                operator: "test",
                at: clock(),
                in: &session,
            )
        }
    }

    func session<Result: Sendable>(
        as role: ClusterRole = .service,
        _ body: @escaping @Sendable (inout PostgresSession) throws -> Result,
    ) async throws -> Result {
        let connection = try await PostgresConnection.open(database.configuration(as: role))
        let result = try await connection.withSession { session in try body(&session) }
        await connection.close()
        return result
    }

    // MARK: Writing

    /// A partner that an operator has added.
    @discardableResult
    func addPartner(_ name: String, _ url: String) async throws -> PartnerRecord {
        let wanted = PartnerSettings(name: name, url: try BaseURL(url))
        return try await store.appender.append(StateKeys(), byteCount: 100) { transaction in
            Result { () throws(OperatorFault) in try transaction.acceptPartner(wanted, operator: "test").0 }
        }.get()
    }

    /// A request of the protocol, from a partner or, with its name, to one.
    @discardableResult
    func send(
        _ method: String,
        _ path: String,
        _ body: String = "",
        token: String? = nil,
        to partner: String? = nil,
    ) async throws -> Answer {
        try await send(method, path, Array(body.utf8), token: token, to: partner)
    }

    @discardableResult
    func send(
        _ method: String,
        _ path: String,
        _ body: [UInt8],
        token: String? = nil,
        to partner: String? = nil,
    ) async throws -> Answer {
        let capture = capture(method, path, body, token: token, to: partner)
        return try await store.appender.append(StateKeys(of: capture), byteCount: 500 + body.count) { transaction in
            transaction.decide(capture, mayRecordRefusal: { true })
        }
    }

    func capture(_ method: String, _ path: String, _ body: [UInt8], token: String?, to partner: String?) -> Capture {
        var fields: [IncomingRequest.Field] = [field("Content-Type", "application/json")]
        if let token { fields.append(field(Token.headerName, token)) }
        let words = path.split(separator: "/").map(String.init)
        let request = IncomingRequest(
            direction: partner == nil ? .inbound : .outbound,
            method: method,
            target: "/sharing/" + path,
            version: "HTTP/1.1",
            fields: fields,
            body: body,
            isBodyCut: false,
            route: Resource(rawValue: words[0]).map { IncomingRequest.Route(resource: $0, identifier: words[1]) },
            partner: partner,
            source: "192.0.2.1",
        )
        return reader.read(request, at: .now())
    }

    private func field(_ name: String, _ value: String) -> IncomingRequest.Field {
        (Array(name.utf8)[...], Array(value.utf8)[...])
    }

    /// Invites and accepts: from the partner where it is the sender, else to it. The token is `<agreement>:<key>`.
    func agree(_ agreement: String, with partner: String, at url: String, weSend: Bool, _ more: String = "")
        async throws -> String
    {
        let key = "key-of-\(agreement)"
        let theirs = weSend ? "\(Self.privateURL)/to/\(partner)" : url
        let (sender, receiver) = weSend ? (Self.publicURL, theirs) : (theirs, Self.publicURL)
        let body = """
            {"uuid":"\(agreement)","name":"Sender of \(agreement)","sender_url":"\(sender)","receiver_url":"\(receiver)",\
            "access_key":"\(key)","status":"pending"\(more)}
            """
        let invited = try await send("POST", "agreements/\(agreement)", body, to: weSend ? partner : nil)
        try #require(invited.status == 201, "\(String(describing: invited.fault))")
        let accepted = try await send(
            "PUT",
            "agreements/\(agreement)",
            #"{"status":"accepted"}"#,
            token: "\(agreement):\(key)",
            to: weSend ? nil : partner,
        )
        try #require(accepted.status == 200, "\(String(describing: accepted.fault))")
        return "\(agreement):\(key)"
    }

    /// Records a delivery attempt of a message as the delivery does.
    @discardableResult
    func attempt(_ message: Receipt, agreement: String, ticket: String?, succeeds: Bool = true) async throws -> Receipt
    {
        let stream = StreamName.agreement(agreement)
        var keys = StateKeys(agreement: AgreementID(agreement)!)
        if let ticket { keys.shares = [ShareName(stream: stream, ticket: ticket)] }
        return try await store.appender.append(keys, byteCount: 500) { transaction in
            let exchange = transaction.newExchange()
            let facts = Facts.object { $0.member("destination", "partner") }
            _ = transaction.append(
                EventDraft(
                    .attemptBegun,
                    direction: .outbound,
                    stream: stream,
                    ticket: ticket,
                    about: message.event,
                    exchange: exchange,
                    attempt: 1,
                    parts: [transaction.part(.facts, facts)],
                ),
            )
            return transaction.append(
                EventDraft(
                    succeeds ? .attemptSucceeded : .attemptFailed,
                    direction: .outbound,
                    stream: stream,
                    ticket: ticket,
                    about: message.event,
                    exchange: exchange,
                    attempt: 1,
                    status: succeeds ? 200 : 503,
                    parts: [transaction.part(.facts, facts)],
                ),
            )
        }
    }

    /// Folds all that is in the ledger into the following projections.
    func follow() async throws {
        let last = Position(rawValue: try await size().rawValue - 1)
        let follower = Follower(configuration: database.configuration(), commits: nil, logger: .silent)
        try await withThrowingTaskGroup { group in
            group.addTask { await follower.run() }
            try #require(await follower.waitUntil(last, within: .seconds(60)))
            group.cancelAll()
        }
    }

    func size() async throws -> Position {
        try await session { session in try LedgerReader.size(in: &session) }
    }
}

extension TestDatabase {
    func configuration(as role: ClusterRole = .service) -> PostgresConfiguration {
        PostgresConfiguration(server: .keywords(parameters(as: role)), applicationName: "test")
    }
}

extension Trait where Self == DatabaseTrait {
    /// A database with ShareLedger's schema for every test.
    static var ledger: Self {
        .database(template: "projections") { database in
            let connection = try await PostgresConnection.open(database.configuration(as: .owner))
            _ = try await connection.withSession { session in try Migrator.migrate(in: &session) }
            await connection.close()
        }
    }
}

extension Logger {
    static let silent = Logger(label: "test", logLevel: .critical)
}

extension LedgerFixture {
    /// The name under which a partner of this URL is known; one that is only proposed is accepted first.
    func partnerName(of url: BaseURL) async throws -> String {
        let name = "partner-\(url.host.replacing(".", with: "-"))"
        try await addPartner(name, url.text)
        return name
    }
}

// MARK: - Looking and meddling

extension LedgerFixture {
    /// Every row of every projection as text.
    func dump() async throws -> [String: [String]] {
        try await session(as: .owner) { session in
            var dump: [String: [String]] = [:]
            for table in ["partner", "agreement", "ticket_head", "ticket", "comment", "unfolded", "follower"] {
                let rows = try session.query("SELECT t::text FROM projection.\(identifier: table) AS t ORDER BY 1")
                dump[table] = try rows.map { row in try row[0, as: String.self] }
            }
            return dump
        }
    }

    /// Does to the projections what nobody should.
    func tamper(_ sql: String) async throws {
        try await session(as: .owner) { session in try session.run(script: sql) }
    }

    /// Deletes a part behind the guards' back, which is no erasure.
    func removePart(_ part: PartName, of position: Position) async throws {
        try await meddle("DELETE FROM ledger.payload WHERE position = \(position) AND part = '\(part.rawValue)'")
    }

    /// Deletes an event behind the guards' back.
    func removeEvent(_ position: Position) async throws {
        try await meddle("DELETE FROM ledger.event WHERE position = \(position)")
    }

    /// Has a part say something else in as many bytes.
    func alterPart(_ part: PartName, of position: Position, _ old: String, _ new: String) async throws {
        let place = "position = \(position) AND part = '\(part.rawValue)'"
        let changed = "replace(convert_from(content, 'UTF8'), '\(old)', '\(new)')::bytea"
        try await meddle("UPDATE ledger.payload SET content = \(changed) WHERE \(place)")
        let found = try await database.execute(
            "SELECT position(convert_to('\(new)', 'UTF8') IN content) > 0 FROM ledger.payload WHERE \(place)"
        )
        try #require(found == "t\n")
    }

    /// Changes the ledger as only a superuser can who has switched its guards off.
    func meddle(_ change: String) async throws {
        func triggers(_ state: String) -> String {
            ["payload", "event", "access_key"].map { "ALTER TABLE ledger.\($0) \(state) TRIGGER refuse_change;" }
                .joined()
        }
        try await database.execute("BEGIN; \(triggers("DISABLE")) \(change); \(triggers("ENABLE ALWAYS")) COMMIT;")
    }

    func verify() async throws -> VerificationReport {
        try await ProjectionVerifier.run(database.configuration(), keys: keys)
    }

    func rebuild(
        acceptsDifferences: Bool = true,
        progress: @escaping @Sendable (FoldProgress) -> Void = { _ in },
    ) async throws -> RebuildReport {
        var options = ProjectionRebuilder.Options()
        options.acceptsDifferences = acceptsDifferences
        return try await ProjectionRebuilder.run(
            database.configuration(as: .owner),
            settings: settings,
            keys: keys,
            options: options,
            progress: progress,
        )
    }
}

extension LedgerFixture {
    /// Many messages of many tickets under one agreement, each an update with one new comment; many at a time.
    func fill(token: String, tickets: Int, messages: Int, bodyByteCount: Int) async throws {
        let padding = String(repeating: "lens at f/1.4 hunts in low light; ", count: bodyByteCount / 34 + 1)
        let text = padding.prefix(bodyByteCount)
        func send(_ number: Int) async throws {
            let (ticket, method) = (number % tickets, number < tickets ? "POST" : "PUT")
            let body = """
                {"uuid":"t\(ticket)","subject":"Subject \(number)","status":"open","requested_at":"2011-06-07 09:12:44 -0700",\
                "requester":{"uuid":"actor-\(ticket % 100)","name":"Jörg Müller","role":"end-user"},\
                "comments":[{"uuid":"\(String(repeating: "c", count: 32))\(number)","author":{"uuid":"actor-1","name":"Åsa"},\
                "body":"\(number) \(text)","authored_at":"2011-06-08 08:00:00 +0000","public":true}],\
                "tags":["lens","autofocus"],"custom_fields":{"serial":"LX-\(number)","firmware":2.1}}
                """
            let answer = try await self.send(method, "tickets/t\(ticket)", body, token: token)
            try #require(answer.fault == nil)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<messages {
                // A ticket's first message is answered before its second is sent.
                if number == tickets { try await group.waitForAll() } else if number >= 512 { try await group.next() }
                group.addTask { try await send(number) }
            }
            try await group.waitForAll()
        }
    }
}
