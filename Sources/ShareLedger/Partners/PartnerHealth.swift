import JSON
import Ledger
import LedgerStore
import Postgres
import Sharing

/// How a partner answers, as people read it.
struct PartnerHealth: Sendable {
    private let partner: PartnerRecord
    private let record: DestinationRecord

    /// Of a partner of which nothing is known.
    init(of partner: PartnerRecord) {
        self.init(of: partner, DestinationRecord(.partner(partner.id)))
    }

    private init(of partner: PartnerRecord, _ record: DestinationRecord) {
        self.partner = partner
        self.record = record
    }

    static func all(
        of partners: [PartnerRecord],
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Position: PartnerHealth] {
        let destinations = Set(partners.map { Destination.partner($0.id) })
        let records = try DestinationRow.records(try session.query(DestinationRow.read(destinations)))
        let known = Dictionary(uniqueKeysWithValues: records.map { ($0.destination, $0) })
        return Dictionary(
            uniqueKeysWithValues: partners.map { partner in
                let destination = Destination.partner(partner.id)
                return (partner.id, PartnerHealth(of: partner, known[destination] ?? DestinationRecord(destination)))
            }
        )
    }

    /// In a word, what is wrong; `nil` where nothing is.
    var trouble: String? {
        record.state == .up ? nil : record.state.rawValue
    }

    /// In a sentence.
    var story: String {
        let since = record.since.map { " since \($0)" } ?? ""
        let reason = record.reason.map { ": \($0)" } ?? ""
        switch record.state {
        case .up: return "as it should\(since)"
        case .struggling:
            let limit = record.limit == 1 ? "1 request" : "\(record.limit ?? 1) requests"
            return "it struggles\(since)\(reason); \(limit) at a time until it is up"
        case .out:
            let canary = record.nextCanary.map { "the next one from \($0) on" } ?? "the next one soon"
            return "it is out\(since)\(reason); one delivery at a time finds out whether it is back, \(canary)"
        }
    }

    /// Writes the members `delivery_state`, `delivery_state_since`, `delivery_state_reason`, `in_flight_limit` and
    /// `next_canary_at`.
    func write(to object: inout JSONWriter) {
        object.member("delivery_state", record.state.rawValue)
        object.optional("delivery_state_since", record.since.map { "\($0)" })
        object.optional("delivery_state_reason", record.reason)
        object.optional("in_flight_limit", record.limit.map { Int64($0) })
        object.optional("next_canary_at", record.nextCanary.map { "\($0)" })
    }
}
