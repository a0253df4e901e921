import JSON
import Ledger
import LedgerStore
import Postgres

/// An event as a list shows it.
struct HistoryEntry: Sendable {
    let event: StoredEvent

    /// The partner's name: today's where the event belongs to an agreement, else the one that was recorded with it.
    let partner: String?

    /// Why it came to this: of an attempt what went wrong, of a refusal what was refused, of an operator's act the reason.
    let reason: String?

    /// Whether deliveries were held back or let go, of an event that says so.
    let isPaused: Bool?

    /// What a partner or the desk came to, of an event that says so: up, struggling or out.
    let state: String?

    /// What a table says of it.
    var remark: String? {
        guard let change = isPaused.map({ $0 ? "paused" : "resumed" }) ?? state else { return reason }
        return reason.map { "\(change): \($0)" } ?? change
    }
}

/// Finds out which partner an event has to do with, and why it is there; partners are remembered for the next one.
struct PartnerNames: Sendable {
    private var byStream: [Position: String] = [:]

    /// The events with their partners and reasons, in two queries at most.
    mutating func entries(
        of events: [StoredEvent],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [HistoryEntry] {
        let unknown = Set(events.filter { $0.stream.agreement != nil }.map(\.streamID)).subtracting(byStream.keys)
        if !unknown.isEmpty {
            let rows = try session.query(
                """
                SELECT a.stream_id, p.name
                FROM projection.agreement AS a
                JOIN projection.partner AS p ON p.partner_id = a.partner_id
                WHERE a.stream_id = ANY (\(Array(unknown)))
                """
            )
            .decode((Position, String).self)
            for (stream, name) in rows {
                byStream[stream] = name
            }
        }
        let details = events.filter { byStream[$0.streamID] == nil || $0.mayHaveReason }.map(\.position)
        let parts = details.isEmpty ? [:] : try LedgerReader.parts(of: details, named: [.facts, .detail], in: &session)
        return events.map { event in
            let detail = parts[event.position]?[.detail]
            let facts = event.type == .partnerStateChanged ? parts[event.position]?[.facts] : nil
            return HistoryEntry(
                event: event,
                partner: byStream[event.streamID] ?? detail?.member("partner"),
                reason: detail.flatMap { event.reason(in: $0) },
                isPaused: facts?.value("paused")?.bool,
                state: facts?.member("state"),
            )
        }
    }
}

extension StoredEvent {
    /// Whether its detail may say why; of what a help desk sends only an agreement's may be a command's doing.
    fileprivate var mayHaveReason: Bool {
        switch type {
        case .ticketShared, .ticketUpdated, .ticketUnshared, .agreementRead, .ticketRead, .messageDuplicated: false
        default: true
        }
    }

    fileprivate func reason(in detail: StoredPart) -> String? {
        type == .messageRefused ? detail.member("detail") : detail.member("error") ?? detail.member("reason")
    }
}

extension StoredPart {
    /// A string of the parts that we write ourselves, `facts` and `detail`.
    func member(_ name: String) -> String? {
        value(name)?.string
    }

    /// A member of such a part.
    func value(_ name: String) -> JSONValue? {
        // A part that is damaged says nothing; 'shareledger doctor' finds it.
        (try? JSONDocument(parsing: content))?.root.member(name)
    }
}

/// Identifiers in tables: as much of a long one as people type.
enum ShortIdentifier {
    /// The first ten digits of a UUID of the protocol, which name it in commands as well; others as they are.
    static func of(_ identifier: String) -> String {
        identifier.utf8.count == 40 ? String(identifier.prefix(10)) : identifier
    }
}
