import Arguments
import Delivery
import JSON
import Ledger
import Postgres
import Sharing
import TicketSharing

/// A partner as people read it: what was said of it, and what is on its way.
struct PartnerPage: Sendable {
    private let partner: PartnerRecord
    private let health: PartnerHealth
    private let queue: DeliverySummary

    init(of partner: PartnerRecord, in session: inout PostgresSession) throws {
        self.partner = partner
        health = try PartnerHealth.all(of: [partner], in: &session)[partner.id] ?? PartnerHealth(of: partner)
        queue = try DeliverySummary(of: "a.partner_id = \(partner.id)", in: &session)
    }

    func print(_ arguments: ParsedArguments) {
        if arguments[Options.json] {
            JSONText.print { object in
                partner.write(to: &object)
                health.write(to: &object)
                queue.write(to: &object)
            }
        } else {
            Console.print(PageFields.text(fields))
        }
    }

    private var limits: String {
        let rate = partner.rate.map { ", \($0) a second" } ?? ""
        return (partner.concurrency == 1 ? "1 request" : "\(partner.concurrency) requests") + rate
    }

    private var fields: [(name: String, value: String)] {
        let allowed = partner.allowed.isEmpty ? "public addresses with TLS" : partner.allowed.joined(separator: ", ")
        return [
            (name: "Partner", value: partner.name),
            ("State", partner.isPaused ? "\(partner.state.rawValue), paused" : partner.state.rawValue),
            ("URL", partner.baseURL.text),
            ("Dialect", partner.dialect.rawValue),
            ("Allows", allowed),
            ("At a time", limits),
            ("Added", "at position \(partner.id)"),
            ("Answers", health.story),
        ] + queue.fields(list: "--partner \(partner.name)")
    }
}
