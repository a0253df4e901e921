import JSON
import Ledger
import LedgerStore
import Postgres

/// An event as a list shows it.
struct HistoryEntry: Sendable {
    let event: StoredEvent

    /// The partner's name: today's where the event belongs to an agreement, else the one that was recorded with it.
    let partner: String?
}

/// Finds out which partner an event has to do with, and remembers it for the next one.
struct PartnerNames: Sendable {
    private var byStream: [Position: String] = [:]

    func partner(of event: StoredEvent, recorded: [Position: String]) -> String? {
        byStream[event.streamID] ?? recorded[event.position]
    }

    /// The events with their partners, in two queries at most.
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
        let others = events.filter { byStream[$0.streamID] == nil }.map(\.position)
        var recorded: [Position: String] = [:]
        if !others.isEmpty {
            let parts = try LedgerReader.parts(of: others, named: [.detail], in: &session)
            for (position, parts) in parts {
                recorded[position] = parts[.detail]?.member("partner")
            }
        }
        return events.map { HistoryEntry(event: $0, partner: partner(of: $0, recorded: recorded)) }
    }
}

extension StoredPart {
    /// A string of the parts that we write ourselves, `facts` and `detail`.
    func member(_ name: String) -> String? {
        // A part that is damaged says nothing; 'shareledger doctor' finds it.
        (try? JSONDocument(parsing: content))?.root.member(name)?.string
    }
}

/// Identifiers in tables: as much of a long one as people type.
enum ShortIdentifier {
    /// The first ten digits of a UUID of the protocol, which name it in commands as well; others as they are.
    static func of(_ identifier: String) -> String {
        identifier.utf8.count == 40 ? String(identifier.prefix(10)) : identifier
    }
}
