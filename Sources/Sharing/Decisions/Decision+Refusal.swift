import Cryptography
import JSON
package import Ledger
import TicketSharing

extension SharingTransaction {
    /// Records a refusal, as far as there is room for it, and answers it.
    ///
    /// Of somebody unknown only the head and the beginning of the body are kept, in the stream `unattributed`; of a known
    /// side the whole body, as far as there is room for it. What was cut off can be recognised: see ``KeptParts``.
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
        let kept = kept(of: capture, isKnown: isKnown, bounds)
        let facts = Facts.object { facts in
            facts.member("error", fault.code.rawValue)
            if let target = capture.target, !capture.isTargetSecret { facts.target(target) }
            if let whole = kept.wholeBody { facts.body(whole) }
            facts.splices(of: kept.parts)
        }
        let draft = EventDraft(
            .messageRefused,
            direction: capture.direction,
            stream: stream,
            ticket: ticket,
            exchange: capture.exchange,
            status: fault.status.rawValue,
            parts: kept.parts + [
                part(.facts, facts),
                part(.detail, detail(of: capture, partner: partner, fault: fault, cutBody: kept.wholeBody)),
                part(.answerBody, fault.body),
            ],
            // The beginning of a body is no JSON, whatever the whole is.
            castableBody: capture.castableBody.map { $0 && kept.wholeBody == nil && !kept.isMasked },
        )
        return .refused(fault, append(draft))
    }

    /// What is kept of a refused request.
    private struct KeptParts {
        var parts: [Part] = []

        /// The body, where only its beginning is kept.
        ///
        /// Its length and commitment stand in the facts, and the salt in the detail, which can be erased: whoever shows the
        /// rest later can be believed, and nobody can guess it.
        var wholeBody: Part?

        /// Whether an access key was cut out of the body.
        var isMasked = false
    }

    private mutating func kept(of capture: Capture, isKnown: Bool, _ bounds: IntakeBounds) -> KeptParts {
        let limit = RequestReader.keptByteCount
        let record = capture.agreement.flatMap { agreement($0) }
        let own = [record?.key, record?.acknowledgedKey].compactMap { $0?.fingerprint }
        var kept = KeptParts()
        for original in capture.parts {
            var content = original.content[...]
            let isBody = original.name == .body
            let isLong = isBody && content.count > limit
            var found = isLong && !isKnown ? nil : capture.knownKeys.found(in: content, with: keys, own)
            // Nor is a body kept whole that nobody can look through.
            if isLong, found == nil || !bounds.mayKeepBody(content.count) {
                kept.wholeBody = part(.body, original.content)
                // A key that begins before the cut ends within its greatest length.
                content = content.prefix(limit + CredentialCutter.candidateLengths.upperBound)
                found = found ?? capture.knownKeys.found(in: content, with: keys, own)
            }
            let stored = CredentialCutter.cut(Array(content), secrets: found ?? []).stored
            if stored == original.content {
                kept.parts.append(original)
            } else {
                kept.isMasked = kept.isMasked || (isBody && found?.isEmpty == false)
                kept.parts.append(
                    part(original.name, isLong && kept.wholeBody != nil ? Array(stored.prefix(limit)) : stored)
                )
            }
        }
        return kept
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
