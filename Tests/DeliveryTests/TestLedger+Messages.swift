import Delivery
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestSupport
import Testing
import TicketSharing

/// An accepted agreement with one partner.
struct TestAgreement: Sendable {
    let partner: String
    let id: AgreementID
    var key = TestLedger.partnerKey

    var token: String { "\(id.text):\(key)" }
}

extension TestLedger {
    /// Adds a partner whom we may speak to on this machine.
    func addPartner(
        _ name: String,
        at url: String,
        _ configure: @escaping @Sendable (inout PartnerSettings) -> Void = { _ in },
    ) async throws {
        let base = try BaseURL(url)
        let result: Result<PartnerRecord, OperatorFault> = try await store.appender.append(StateKeys(), byteCount: 0) {
            transaction in
            var settings = PartnerSettings(name: name, url: base)
            settings.allowsHTTP = true
            settings.allowsPrivateAddress = true
            configure(&settings)
            return Result { () throws(OperatorFault) in try transaction.acceptPartner(settings, operator: "test").0 }
        }
        _ = try result.get()
    }

    func setPaused(_ isPaused: Bool, _ name: String) async throws {
        let known = try await store.read { session in try PartnerReader.all(in: &session) }
        var keys = StateKeys()
        keys.destinations = Set(known.filter { $0.name == name }.map { .partner($0.id) })
        let result: Result<(PartnerRecord, Receipt), OperatorFault> = try await store.appender.append(
            keys,
            byteCount: 0
        ) {
            transaction in
            Result { () throws(OperatorFault) in try transaction.setPaused(isPaused, partner: name, operator: "test") }
        }
        _ = try result.get()
    }

    /// Takes back what was allowed for a partner, unless that is done already.
    func disallowPrivateAddress(of name: String) async {
        var change = PartnerChange()
        change.allowsPrivateAddress = false
        let wanted = change
        _ = try? await store.appender.append(StateKeys(), byteCount: 0) { transaction in
            Result { () throws(OperatorFault) in try transaction.change(wanted, partner: name, operator: "test").1 }
        }
    }

    /// Puts a request of the protocol through a decision, as the gateway does.
    @discardableResult
    func send(
        _ direction: Direction,
        _ method: String,
        _ resource: Resource,
        _ id: String,
        partner: String? = nil,
        token: String? = nil,
        body: String = "",
    ) async throws -> Answer {
        var fields: [IncomingRequest.Field] = [(Array("Content-Type".utf8)[...], Array("application/json".utf8)[...])]
        if let token { fields.append((Array(Token.headerName.utf8)[...], Array(token.utf8)[...])) }
        let path = partner.map { "/to/\($0)" } ?? "/sharing"
        let request = IncomingRequest(
            direction: direction,
            method: method,
            target: "\(path)/\(resource.rawValue)/\(id)",
            version: "HTTP/1.1",
            fields: fields,
            body: Array(body.utf8),
            isBodyCut: false,
            route: IncomingRequest.Route(resource: resource, identifier: id),
            partner: partner,
            source: "test",
        )
        let capture = RequestReader(keys: Self.keys).read(request, at: clock.now)
        return try await store.appender.append(StateKeys(of: capture), byteCount: 1000) { transaction in
            transaction.decide(capture) { true }
        }
    }

    /// An agreement that the partner has accepted, with an empty queue.
    func agree(with partner: String, at url: String, id: String = "a1") async throws -> TestAgreement {
        let agreement = try await invite(partner, at: url, id: id)
        let accepted = try await send(
            .inbound,
            "PUT",
            .agreements,
            id,
            token: agreement.token,
            body: #"{"status":"accepted"}"#
        )
        try #require(accepted.status == 200)
        try await execute(
            "DELETE FROM delivery.queue WHERE stream_id = (SELECT stream_id FROM ledger.stream WHERE name = \("agreement:\(id)"))"
        )
        return agreement
    }

    /// An invitation of our desk, waiting to be delivered.
    func invite(_ partner: String, at url: String, id: String = "a1") async throws -> TestAgreement {
        let agreement = TestAgreement(partner: partner, id: try #require(AgreementID(id)))
        let body = """
            {"uuid":"\(id)","name":"Us","sender_url":"http://desk.internal/sharing","receiver_url":"\(url)",\
            "access_key":"\(agreement.key)","status":"pending","sync_tags":true,"sync_custom_fields":true,\
            "allows_public_comments":true}
            """
        let invited = try await send(.outbound, "POST", .agreements, id, partner: partner, body: body)
        try #require(invited.status == 201, "\(String(describing: invited.fault))")
        return agreement
    }

    /// Our desk shares a ticket.
    @discardableResult
    func share(_ ticket: String, under agreement: TestAgreement, subject: String = "A lens") async throws -> Receipt {
        let body =
            #"{"uuid":"\#(ticket)","subject":"\#(subject)","status":"open","requester":{"uuid":"r1","name":"Åsa"},"comments":[]}"#
        return try await self.ticket(ticket, "POST", under: agreement, body: body)
    }

    /// Our desk updates a ticket.
    @discardableResult
    func update(_ ticket: String, under agreement: TestAgreement, subject: String) async throws -> Receipt {
        try await self.ticket(ticket, "PUT", under: agreement, body: #"{"subject":"\#(subject)"}"#)
    }

    @discardableResult
    func ticket(_ id: String, _ method: String, under agreement: TestAgreement, body: String) async throws -> Receipt {
        let answer = try await send(
            .outbound,
            method,
            .tickets,
            id,
            partner: agreement.partner,
            token: agreement.token,
            body: body
        )
        try #require(answer.status < 300, "\(String(describing: answer.fault))")
        return try #require(answer.receipt)
    }
}
