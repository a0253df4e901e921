import Cryptography
import JSON
package import Ledger
import TicketSharing

extension SharingTransaction {
    /// Records a refusal, as far as there is room for it, and answers it.
    ///
    /// Of somebody unknown only the head and the beginning of the body are kept, in the stream `unattributed`; of a known
    /// side the whole body, as far as there is room for it. What was cut off can be recognised: see ``CutBody``.
    mutating func refuse(
        _ capture: Capture,
        _ fault: ProtocolFault,
        as access: Access?,
        within bounds: IntakeBounds,
    ) -> Answer {
        // What strangers have no room left for is counted where that is known.
        guard fault.code != .tooManyRequests, bounds.mayRecordRefusal() else { return .refused(fault, nil) }
        var stream = StreamName.unattributed
        var ticket: String?
        var partner: String?
        var isKnown = false
        if case .side(let side) = access, !isStranger(.side(side), capture) {
            stream = .agreement(side.record.agreement.id.text)
            ticket = capture.share.flatMap { self.ticket($0) == nil ? nil : $0.ticket }
            partner = partners[side.record.partner]?.name
            isKnown = true
        }
        var parts = capture.parts
        let cut = cutBody(of: capture, isKnown: isKnown, bounds)
        if let cut { parts = parts.map { $0.name == .body ? cut.beginning : $0 } }
        let facts = Facts.object { facts in
            facts.member("error", fault.code.rawValue)
            if let target = capture.target { facts.target(target) }
            if let cut { facts.body(cut.whole) }
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
                part(.detail, detail(of: capture, partner: partner, fault: fault, cutBody: cut?.whole)),
                part(.answerBody, fault.body),
            ],
            // The beginning of a body is no JSON, whatever the whole is.
            castableBody: capture.castableBody.map { $0 && cut == nil },
        )
        return .refused(fault, append(draft))
    }

    /// A body of which only the beginning is kept.
    ///
    /// Length and commitment of the whole stand in the facts, and the salt in the detail, which can be erased: whoever
    /// shows the rest later can be believed, and nobody can guess it.
    private struct CutBody {
        let beginning: Part
        let whole: Part
    }

    private mutating func cutBody(of capture: Capture, isKnown: Bool, _ bounds: IntakeBounds) -> CutBody? {
        let limit = RequestReader.keptByteCount
        guard let body = capture.parts.first(where: { $0.name == .body }), body.content.count > limit,
            !isKnown || !bounds.mayKeepBody(body.content.count)
        else { return nil }
        return CutBody(beginning: part(.body, Array(body.content.prefix(limit))), whole: part(.body, body.content))
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
    /// What there was of a body that is not kept.
    fileprivate mutating func body(_ whole: Part) {
        name("body")
        object { body in
            body.member("length", whole.content.count)
            body.member("commitment", hexadecimal(whole.commitment.bytes))
        }
    }

    fileprivate mutating func target(_ target: Capture.Target) {
        switch target {
        case .agreement(let id): member("agreement", id.text)
        case .ticket(let id): member("ticket", id.text)
        }
    }
}
