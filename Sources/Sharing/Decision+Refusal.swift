import JSON
package import Ledger
import TicketSharing

extension SharingTransaction {
    /// Records a refusal, as far as there is room for it, and answers it.
    ///
    /// Of somebody unknown only the head and the beginning of the body are kept, in the stream `unattributed`.
    mutating func refuse(
        _ capture: Capture,
        _ fault: ProtocolFault,
        as access: Access?,
        mayRecord: () -> Bool,
    ) -> Answer {
        guard mayRecord() else { return .refused(fault, nil) }
        var stream = StreamName.unattributed
        var ticket: String?
        var partner: String?
        var parts = capture.parts
        if case .side(let side) = access, !isStranger(.side(side), capture) {
            stream = .agreement(side.record.agreement.id.text)
            ticket = capture.share.flatMap { self.ticket($0) == nil ? nil : $0.ticket }
            partner = partners[side.record.partner]?.name
        } else {
            parts = parts.map { shortened($0) }
        }
        let isWhole = parts == capture.parts
        let facts = Facts.object { facts in
            facts.member("error", fault.code.rawValue)
            if let target = capture.target { facts.target(target) }
        }
        let draft = EventDraft(
            .messageRefused,
            direction: capture.direction,
            stream: stream,
            ticket: ticket,
            exchange: capture.exchange,
            status: fault.status.rawValue,
            parts: parts + [
                part(.facts, facts),
                part(.detail, detail(of: capture, partner: partner, fault: fault)),
                part(.answerBody, fault.body),
            ],
            // The beginning of a body is no JSON, whatever the whole is.
            castableBody: capture.castableBody.map { $0 && isWhole },
        )
        return .refused(fault, append(draft))
    }

    private mutating func shortened(_ whole: Part) -> Part {
        guard whole.name == .body, whole.content.count > RequestReader.keptByteCount else { return whole }
        return part(.body, Array(whole.content.prefix(RequestReader.keptByteCount)))
    }

    /// Records how many refusals of a source were not recorded one by one.
    package mutating func recordRefusals(_ count: Int, from source: String, since: Timestamp) {
        let facts = Facts.object { facts in
            facts.member("count", count)
            facts.member("since", "\(since)")
        }
        let detail = Facts.detail([
            "source": source, "detail": "further refusals in this time were not recorded one by one",
        ])
        _ = append(
            EventDraft(
                .messageRefused,
                direction: .inbound,
                stream: .unattributed,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }
}

extension JSONWriter {
    fileprivate mutating func target(_ target: Capture.Target) {
        switch target {
        case .agreement(let id): member("agreement", id.text)
        case .ticket(let id): member("ticket", id.text)
        }
    }
}
