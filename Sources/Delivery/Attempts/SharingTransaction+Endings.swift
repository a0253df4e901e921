import JSON
import Ledger
import LedgerStore
import Sharing

extension SharingTransaction {
    mutating func reclaim(
        _ subject: AttemptSubject,
        tryLimit: Int,
        now: Timestamp,
        _ outcomes: inout EntryOutcomes,
    ) -> EntryResult {
        guard let held = held(by: subject) else { return .claimLost }
        guard let exchange = held.exchange else {
            release(held, subject, due: nil, returnsTry: false, &outcomes)
            return .recorded
        }
        let reason = "whoever made the attempt was gone before its outcome was recorded"
        appendUnknown(held, subject, exchange, reason: reason, due: held.tries > tryLimit ? nil : now)
        if held.tries > tryLimit {
            park(held, subject, finding: .exhausted, reason: "\(reason); that was the last try", &outcomes)
        } else {
            release(held, subject, due: now, returnsTry: false, &outcomes)
        }
        return .recorded
    }

    /// Records that nobody knows whether an attempt arrived.
    ///
    /// - Parameter due: When it is tried again; `nil` where there is no try left.
    mutating func appendUnknown(
        _ delivery: DeliveryRecord,
        _ subject: AttemptSubject,
        _ exchange: EventID,
        reason: String,
        due: Timestamp?,
    ) {
        let facts = Facts.object { facts in
            facts.subject(subject)
            facts.member("class", due == nil ? "exhausted" : "retry")
            if let due { facts.member("due_at", "\(due)") }
        }
        let detail = Facts.detail(["partner": subject.partnerName, "error": reason])
        _ = append(
            EventDraft(
                .attemptUnknown,
                of: subject,
                exchange: exchange,
                attempt: delivery.attempts,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }

    mutating func release(
        _ delivery: DeliveryRecord,
        _ subject: AttemptSubject,
        due: Timestamp?,
        returnsTry: Bool,
        _ outcomes: inout EntryOutcomes,
    ) {
        var delivery = delivery
        delivery.claim = nil
        delivery.exchange = nil
        put(delivery)
        let kind = QueueChange.Kind.released(due: due, returnsTry: returnsTry)
        outcomes.changes.append(QueueChange(delivery: delivery.id, claim: subject.claim, kind: kind))
    }

    mutating func park(
        _ delivery: DeliveryRecord,
        _ subject: AttemptSubject,
        finding: AttemptVerdict.Finding,
        reason: String,
        _ outcomes: inout EntryOutcomes,
    ) {
        let exchange = delivery.exchange
        var delivery = delivery
        delivery.claim = nil
        delivery.exchange = nil
        put(delivery)
        let facts = Facts.object { facts in
            facts.subject(subject)
            facts.member("class", finding.rawValue)
        }
        let detail = Facts.detail(["partner": subject.partnerName, "reason": reason])
        _ = append(
            EventDraft(
                .deliveryParked,
                of: subject,
                exchange: exchange,
                attempt: delivery.attempts > 0 ? delivery.attempts : nil,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
        let kind = QueueChange.Kind.parked(reason: Facts.cleaned(reason))
        outcomes.changes.append(QueueChange(delivery: delivery.id, claim: subject.claim, kind: kind))
    }

    mutating func abandon(
        _ delivery: DeliveryRecord,
        _ subject: AttemptSubject,
        reason: String,
        _ outcomes: inout EntryOutcomes,
    ) {
        remove(delivery.id)
        let facts = Facts.object { $0.subject(subject) }
        let detail = Facts.detail(["partner": subject.partnerName, "reason": reason])
        _ = append(
            EventDraft(
                .deliveryAbandoned,
                of: subject,
                exchange: nil,
                attempt: delivery.attempts > 0 ? delivery.attempts : nil,
                parts: [part(.facts, facts), part(.detail, detail)],
            ),
        )
        outcomes.changes.append(QueueChange(delivery: delivery.id, claim: subject.claim, kind: .abandoned))
    }

    mutating func finishReplay(_ id: Position, _ outcomes: inout EntryOutcomes) -> EntryResult {
        guard var replay = replay(id), replay.isToBeFinished else { return .claimLost }
        replay.isToBeFinished = false
        put(replay)
        let facts = Facts.object { facts in
            facts.member("replay", id.rawValue)
            facts.member("items", replay.itemCount)
            facts.member("delivered", replay.deliveredCount)
            if replay.state == .cancelled { facts.member("cancelled", true) }
        }
        _ = append(EventDraft(.replayFinished, stream: .system, parts: [part(.facts, facts)]))
        outcomes.finishedReplays.append(id)
        return .recorded
    }
}

// MARK: - Drafts and facts

extension EventDraft {
    /// An event about the delivery of a message, in that message's stream and share; its direction says where it went.
    init(
        _ type: EventType,
        of subject: AttemptSubject,
        exchange: EventID?,
        attempt: Int?,
        status: Int? = nil,
        parts: [Part],
    ) {
        self.init(
            type,
            direction: subject.destination.direction,
            stream: subject.stream,
            ticket: subject.ticket,
            about: subject.messageID,
            exchange: exchange,
            attempt: attempt,
            status: status,
            parts: parts,
        )
    }
}

extension JSONWriter {
    mutating func subject(_ subject: AttemptSubject) {
        member("destination", subject.destination.kind.rawValue)
        member("message", subject.message.rawValue)
        if let replay = subject.replay { member("replay", replay.rawValue) }
    }
}
