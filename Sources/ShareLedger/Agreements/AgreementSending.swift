import Arguments
import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Sends an agreement message as our side of it, as the desk would through the private listener.
func sendAgreement(
    _ body: [UInt8],
    _ method: RequestMethod,
    _ id: AgreementID,
    partner: String,
    reason: String? = nil,
    _ store: Store,
) async throws -> Answer {
    let request = IncomingRequest(
        direction: .outbound,
        method: method.rawValue,
        target: "/to/\(partner)/agreements/\(id.text)",
        version: "HTTP/1.1",
        fields: [(Array("Content-Type".utf8)[...], Array("application/json".utf8)[...])],
        body: body,
        isBodyCut: false,
        route: IncomingRequest.Route(resource: .agreements, identifier: id.text),
        partner: partner,
        source: "command",
    )
    let reader = RequestReader(keys: store.keys)
    let capture = reader.read(request, at: .now(), operator: Workspace.operatorName, reason: reason)
    return try await store.appender.append(StateKeys(of: capture), byteCount: body.count + 2048) { transaction in
        transaction.decide(capture) { true }
    }
}

/// Shows the agreement as it stands after a message, and says what becomes of that.
func reportAgreement(
    _ answer: Answer,
    _ id: AgreementID,
    _ what: String,
    _ arguments: ParsedArguments,
    _ store: Store,
) async throws -> Int32 {
    if let fault = answer.fault { throw CommandFailure("the agreement is not changed: \(fault.detail)") }
    let record = try await store.read { session in try Lookup.agreement(id.text, in: &session) }
    try await show(record, arguments, store)
    let position = answer.receipt.map { " at position \($0.position)" } ?? ""
    let isProposed = try await store.read { session in
        try PartnerReader.all(in: &session).contains { $0.id == record.partner && $0.state == .proposed }
    }
    let next = isProposed ? "the partner is only proposed and is not told" : "'shareledger serve' delivers it"
    Console.note("Agreement \(id.text) \(what), recorded\(position); \(next)")
    return 0
}
