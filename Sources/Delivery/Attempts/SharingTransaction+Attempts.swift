import HTTPClient
import JSON
import Ledger
import LedgerStore
import Sharing
import TicketSharing

/// What a transaction adds to the queue's own rows, collected while entries are decided.
struct EntryOutcomes: Sendable {
    var results: [EntryResult] = []
    var changes: [QueueChange] = []
    var finishedReplays: [Position] = []
    var now = Timestamp(microseconds: 0)
}

extension SharingTransaction {
    /// Records entries in order.
    mutating func record(_ entries: [AttemptEntry]) -> EntryOutcomes {
        var outcomes = EntryOutcomes()
        outcomes.now = now
        for entry in entries {
            outcomes.results.append(record(entry, &outcomes))
        }
        return outcomes
    }

    private mutating func record(_ entry: AttemptEntry, _ outcomes: inout EntryOutcomes) -> EntryResult {
        switch entry {
        case .begin(let beginning):
            return begin(beginning, &outcomes)
        case .end(let end):
            return self.end(end, &outcomes)
        case .endAtOnce(let beginning, let end):
            let result = begin(beginning, &outcomes)
            guard case .begun(let attempt) = result else { return result }
            var end = end
            end.attempt = attempt
            return self.end(end, &outcomes)
        case .park(let subject, let reason):
            guard let held = held(by: subject) else { return .claimLost }
            park(held, subject, finding: .refused, reason: reason, &outcomes)
            return .recorded
        case .reclaim(let subject, let tryLimit, let now):
            return reclaim(subject, tryLimit: tryLimit, now: now, &outcomes)
        case .release(let subject, let due):
            guard let held = held(by: subject) else { return .claimLost }
            release(held, subject, due: due, returnsTry: false, &outcomes)
            return .recorded
        case .abandon(let subject, let reason):
            guard let held = held(by: subject) else { return .claimLost }
            abandon(held, subject, reason: reason, &outcomes)
            return .recorded
        case .finishReplay(let id):
            return finishReplay(id, &outcomes)
        }
    }

    /// The delivery, unless it was taken over by somebody else.
    func held(by subject: AttemptSubject) -> DeliveryRecord? {
        delivery(subject.delivery).flatMap { $0.claim == subject.claim ? $0 : nil }
    }
}

// MARK: - Attempts

extension SharingTransaction {
    private mutating func begin(_ beginning: AttemptBeginning, _ outcomes: inout EntryOutcomes) -> EntryResult {
        let subject = beginning.subject
        guard var delivery = held(by: subject), delivery.exchange == nil else { return .claimLost }
        guard destination(subject.destination).admits(subject.delivery) else {
            release(delivery, subject, due: nil, returnsTry: false, &outcomes)
            return .held
        }
        if case .partner(let id) = subject.destination {
            guard let partner = partners[id], beginning.isAllowed(to: partner) else {
                release(delivery, subject, due: nil, returnsTry: false, &outcomes)
                return .held
            }
        }
        delivery.exchange = beginning.exchange
        delivery.attempts += 1
        delivery.tries += beginning.countsAsTry ? 1 : 0
        put(delivery)
        let detail = Facts.detail([
            "partner": subject.partnerName,
            "url": beginning.url,
            "address": beginning.addresses,
        ])
        let facts = Facts.object { facts in
            facts.subject(subject)
            facts.splices(of: beginning.parts)
        }
        _ = append(
            EventDraft(
                .attemptBegun,
                of: subject,
                exchange: beginning.exchange,
                attempt: delivery.attempts,
                parts: beginning.parts + [part(.facts, facts), part(.detail, detail)],
            ),
        )
        let kind = QueueChange.Kind.begun(exchange: beginning.exchange, countsAsTry: beginning.countsAsTry)
        outcomes.changes.append(QueueChange(delivery: subject.delivery, claim: subject.claim, kind: kind))
        return .begun(attempt: delivery.attempts)
    }

    /// What happened is recorded in any case; the queue changes only for whoever still has the claim.
    private mutating func end(_ end: AttemptEnd, _ outcomes: inout EntryOutcomes) -> EntryResult {
        let subject = end.subject
        var noted = destination(subject.destination)
        let objection = noted.note(end.health, at: now, under: end.rules)
        let end = noted.nextCanary.map { end.waiting(forCanaryAt: $0) } ?? end
        let held = held(by: subject).flatMap { $0.exchange == end.exchange ? $0 : nil }
        recordOutcome(end, of: held)
        acknowledgeKey(end)
        take(noted, of: subject, objection)
        guard var held else { return .claimLost }
        switch end.consequence {
        case .goesOn:
            held.exchange = nil
            put(held)
            outcomes.changes.append(QueueChange(delivery: held.id, claim: subject.claim, kind: .continued))
        case .delivered:
            remove(held.id)
            outcomes.changes.append(QueueChange(delivery: held.id, claim: subject.claim, kind: .delivered))
        case .retry(let due, let returnsTry):
            release(held, subject, due: due, returnsTry: returnsTry, &outcomes)
        case .park:
            park(held, subject, finding: end.verdict.finding, reason: end.verdict.reason, &outcomes)
        }
        return .recorded
    }

    private mutating func recordOutcome(_ end: AttemptEnd, of held: DeliveryRecord?) {
        let subject = end.subject
        let verdict = end.verdict
        let facts = Facts.object { facts in
            facts.subject(subject)
            facts.member("class", verdict.finding.rawValue)
            if let count = end.answerByteCount { facts.member("answer_length", count) }
            if held != nil, case .retry(let due, _) = end.consequence { facts.member("due_at", "\(due)") }
        }
        let durations = end.connection.durations
        let detail = Facts.detail([
            "partner": subject.partnerName,
            "error": verdict.isClean ? nil : verdict.reason,
            "address": end.connection.address,
            "answer_sha256": end.answerDigest.map { "\($0)" },
            "tls": end.connection.tlsVersion,
            "certificate_sha256": end.connection.certificateDigest,
            "queued_ms": durations.map { $0.queued.millisecondText },
            "connect_ms": durations.map { $0.connect.millisecondText },
            "handshake_ms": durations.map { $0.handshake.millisecondText },
            "first_byte_ms": durations.map { $0.firstByte.millisecondText },
            "total_ms": durations.map { $0.total.millisecondText },
        ])
        _ = append(
            EventDraft(
                verdict.eventType,
                of: subject,
                exchange: end.exchange,
                attempt: end.attempt,
                status: end.status,
                parts: end.parts + [part(.facts, facts), part(.detail, detail)],
            ),
        )
    }

    /// A partner that has taken a message with a new key knows that key from now on.
    private mutating func acknowledgeKey(_ end: AttemptEnd) {
        guard end.verdict.finding.isDelivered, case .partner = end.subject.destination, let offered = end.offeredKey,
            var record = agreement(end.subject.agreement), offered.number > (record.acknowledgedKey?.number ?? 0)
        else { return }
        record.acknowledgedKey = offered
        put(record)
    }
}

extension Duration {
    /// Milliseconds with three digits of fraction.
    fileprivate var millisecondText: String {
        let (seconds, attoseconds) = components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        let fraction = String(microseconds % 1_000)
        return "\(microseconds / 1_000)." + String(repeating: "0", count: max(0, 3 - fraction.count)) + fraction
    }
}
