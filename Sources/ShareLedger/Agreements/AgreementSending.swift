import Arguments
import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// Sends an agreement message as our side of it, as the desk would through the private listener.
///
/// - Parameter acceptance: How its partner is accepted with it, if that is only proposed: both, or neither.
func sendAgreement(
    _ body: [UInt8],
    _ method: RequestMethod,
    _ id: AgreementID,
    partner: String,
    accepting acceptance: PartnerSettings? = nil,
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
    let by = Workspace.operatorName
    let capture = RequestReader(keys: store.keys).read(request, at: .now(), operator: by, reason: reason)
    let result = try await store.appender.append(StateKeys(of: capture), byteCount: body.count + 4096) { transaction in
        Result { () throws(OperatorFault) -> (Answer, PartnerRecord?) in
            guard let acceptance else { return (transaction.decide(capture) { true }, nil) }
            let (answer, partner) = try transaction.accept(capture, from: acceptance, operator: by, reason: reason)
            return (answer, partner)
        }
    }
    let (answer, accepted) = try result.get()
    if let accepted { PartnerOptions.noteUnreachable(accepted) }
    return answer
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
    let partner = try await store.read { session in
        try PartnerReader.all(in: &session).first { $0.id == record.partner }
    }
    let next =
        switch partner {
        case let partner? where partner.state == .proposed: "the partner is only proposed and is not told"
        case let partner? where partner.isPaused:
            "\(partner.name) is paused: 'shareledger partner resume \(partner.name)' lets it go"
        default: "'shareledger serve' delivers it"
        }
    Console.note("Agreement \(id.text) \(what), recorded\(position); \(next)")
    return 0
}
