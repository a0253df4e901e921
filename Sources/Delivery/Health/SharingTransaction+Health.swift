import JSON
import Ledger
import LedgerStore
import Sharing

extension SharingTransaction {
    /// Takes over how a destination has answered, and records what changes with that: its state, or that the partner is paused.
    ///
    /// - Parameter objection: Why nothing more is to be sent before an operator has looked.
    mutating func take(_ noted: DestinationRecord, of subject: AttemptSubject, _ objection: String?) {
        let known = destination(noted.destination)
        if noted != known { put(noted) }
        if noted.state != known.state { record(noted, of: subject) }
        guard let objection, case .partner(let id) = subject.destination, var partner = partners[id],
            !partner.isPaused
        else { return }
        partner.isPaused = true
        put(partner)
        let facts = Facts.object { facts in
            facts.member("partner", id.rawValue)
            facts.member("paused", true)
        }
        let detail = Facts.detail(["partner": partner.name, "reason": objection])
        record(facts, detail, of: subject)
    }

    private mutating func record(_ noted: DestinationRecord, of subject: AttemptSubject) {
        let facts = Facts.object { facts in
            switch noted.destination {
            case .desk: facts.member("destination", "desk")
            case .partner(let id): facts.member("partner", id.rawValue)
            case .sandbox(let replay):
                facts.member("destination", "sandbox")
                facts.member("replay", replay.rawValue)
            }
            facts.member("state", noted.state.rawValue)
        }
        let partner = noted.destination.kind == .partner ? subject.partnerName : nil
        record(facts, Facts.detail(["partner": partner, "reason": noted.reason]), of: subject)
    }

    private mutating func record(_ facts: [UInt8], _ detail: [UInt8], of subject: AttemptSubject) {
        _ = append(
            EventDraft(
                .partnerStateChanged,
                stream: .system,
                about: subject.messageID,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }
}
