import JSON
import Ledger
import LedgerStore
import Sharing
import TestRequests
import Testing

extension Store {
    /// Records an event about a delivery as the delivery engine does.
    func attempt(
        _ type: EventType,
        _ number: Int?,
        of message: Int64,
        status: Int?,
        error: String?,
        destination: String = "partner",
        reason: String? = nil,
        replay: Int? = nil,
        class finding: String? = nil,
        exchange: EventID? = nil,
        operator: String? = nil,
    ) async throws {
        let event = try #require(
            try await read { session in try LedgerReader.event(at: Position(rawValue: message), in: &session) }
        )
        let agreement = try #require(event.stream.agreement)
        var keys = StateKeys(
            of: RequestReader(keys: keys).read(
                TestRequest.inbound("GET", "/agreements/\(agreement)").incoming,
                at: .now()
            )
        )
        if let ticket = event.ticket { keys.shares = [ShareName(stream: event.stream, ticket: ticket)] }
        _ = try await appender.append(keys, byteCount: 100) { transaction in
            let facts = Facts.object { facts in
                facts.member("destination", destination)
                facts.member("message", message)
                if let replay { facts.member("replay", replay) }
                if let finding { facts.member("class", finding) }
            }
            let detail = Facts.detail([
                "error": error, "address": "192.0.2.80:443", "reason": reason, "operator": `operator`,
            ])
            return transaction.append(
                EventDraft(
                    type,
                    direction: event.direction,
                    stream: event.stream,
                    ticket: event.ticket,
                    about: event.event,
                    exchange: exchange,
                    attempt: number,
                    status: status,
                    parts: [transaction.part(.facts, facts), transaction.part(.detail, detail)],
                ),
            )
        }
    }
}
