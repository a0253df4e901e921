import Foundation
import HTTPClient
import Ledger
import LedgerStore
import Logging
import Sharing
import Synchronization
import TicketSharing

/// What one attempt is to its delivery.
struct AttemptPlan: Sendable {
    let exchange: EventID
    let isReplay: Bool
    let mayChangeMethod: Bool
    let countsAsTry: Bool

    /// Whether the delivery is done when this one succeeds.
    let isLast: Bool
}

extension DeliveryEngine {
    /// Records, sends, and records again; `nil` where nothing was sent or the delivery is no longer ours.
    func attempt(
        _ request: OutgoingRequest,
        of delivery: ClaimedDelivery,
        _ plan: AttemptPlan,
    ) async throws(AppendError) -> AttemptVerdict.Finding? {
        let target: VettedAddresses
        switch await self.target(of: request, delivery) {
        case .failure(let refusal):
            let beginning = beginning(request, of: delivery, plan, target: nil)
            let end = end(of: delivery, plan, refusal.verdict, attempt: nil, outcome: refusal.outcome, request)
            try await settle(.endAtOnce(beginning, end))
            return nil
        case .success(let vetted): target = vetted
        }
        let sent: HTTPRequest
        do throws(HTTPRequest.Invalid) {
            sent = try request.httpRequest(to: target, limits: settings.limits)
        } catch {
            try await giveUp(delivery, .forGood("the request cannot be sent: \(error)"))
            return nil
        }
        let begun = try await recorder.record(.begin(beginning(request, of: delivery, plan, target: target)))
        guard case .begun(let attempt) = begun else {
            state.withLock { $0.floors.forget() }
            return nil
        }
        let outcome = await client.perform(sent)
        let facts = AttemptVerdict.Request(
            method: request.method,
            isReplay: plan.isReplay,
            mayChangeMethod: plan.mayChangeMethod,
        )
        let verdict = AttemptVerdict(outcome, of: facts, now: Date(clock())).masking(request.secrets)
        let end = end(of: delivery, plan, verdict, attempt: attempt, outcome: outcome, request)
        try await settle(.end(end))
        return end.verdict.finding.isDelivered ? .delivered : end.verdict.finding
    }

    /// What must be true before a request may be sent anywhere.
    private struct Refusal: Error {
        let verdict: AttemptVerdict
        let outcome: HTTPOutcome?
    }

    private func target(
        of request: OutgoingRequest,
        _ delivery: ClaimedDelivery,
    ) async -> Result<VettedAddresses, Refusal> {
        let allowances = delivery.allowances
        guard request.url.scheme == .https || allowances.http else {
            let reason = "\(request.url) is not https; --allow-http allows it for this partner"
            return .failure(Refusal(verdict: .refusedBeforehand(reason), outcome: nil))
        }
        let policy = AddressPolicy(
            allowances.privateAddress ? .allowPrivate : .publicOnly,
            excluding: settings.listeners,
        )
        let target = await policy.target(of: request.url, resolver: resolver, within: settings.resolveLimit)
        return target.mapError { failure in
            let facts = AttemptVerdict.Request(method: request.method, isReplay: false, mayChangeMethod: false)
            let verdict = AttemptVerdict(.failed(failure), of: facts, now: Date(clock()))
            return Refusal(verdict: verdict, outcome: .failed(failure))
        }
    }

    private func beginning(
        _ request: OutgoingRequest,
        of delivery: ClaimedDelivery,
        _ plan: AttemptPlan,
        target: VettedAddresses?,
    ) -> AttemptBeginning {
        AttemptBeginning(
            request,
            of: delivery,
            exchange: plan.exchange,
            target: target,
            countsAsTry: plan.countsAsTry,
            randomness: randomness,
        )
    }

    /// Decides what becomes of the delivery, as long as its destination is not out.
    private func end(
        of delivery: ClaimedDelivery,
        _ plan: AttemptPlan,
        _ verdict: AttemptVerdict,
        attempt: Int?,
        outcome: HTTPOutcome?,
        _ request: OutgoingRequest,
    ) -> AttemptEnd {
        let now = clock()
        var verdict = verdict
        let consequence: AttemptEnd.Consequence
        switch verdict.finding {
        case .delivered, .exists, .gone: consequence = plan.isLast ? .delivered : .goesOn
        case .otherMethod: consequence = .goesOn
        case .refused, .redirect, .exhausted, .held: consequence = .park
        case .interrupted:
            consequence = .retry(due: isStopping ? now : now.advanced(by: .seconds(5)), returnsTry: true)
        case .retry:
            let pause = settings.schedule.pause(
                afterTry: delivery.tries + 1,
                requested: verdict.requestedPause,
                randomness: randomness,
            )
            consequence = pause.map { .retry(due: now.advanced(by: $0), returnsTry: false) } ?? .park
            if pause == nil { verdict = verdict.exhausted }
        }
        note(verdict, consequence, of: delivery)
        return AttemptEnd(
            of: delivery.subject,
            exchange: plan.exchange,
            attempt: attempt,
            verdict: verdict,
            consequence: consequence,
            capacity: capacity(for: delivery),
            rules: settings.outage,
            offeredKey: delivery.kind == .message ? delivery.offeredKey : nil,
            outcome: outcome,
            secrets: request.secrets,
            randomness: randomness,
        )
    }

    /// How many requests may be under way to its destination when that is well; for a sandbox as `delivery.claim` has it.
    private func capacity(for delivery: ClaimedDelivery) -> Int {
        switch delivery.subject.destination {
        case .partner: delivery.partner.concurrency
        case .desk: settings.deskConcurrency
        case .sandbox: 4
        }
    }

    private func note(
        _ verdict: AttemptVerdict,
        _ consequence: AttemptEnd.Consequence,
        of delivery: ClaimedDelivery,
    ) {
        let place: Logger.Metadata = [
            "delivery.message": "\(delivery.subject.message)",
            "partner.name": "\(delivery.subject.partnerName)",
            "reason": "\(verdict.reason)",
        ]
        switch consequence {
        case .park: logger.warning("a delivery is parked", metadata: place)
        case .retry: logger.info("a delivery is tried again later", metadata: place)
        case .delivered, .goesOn: logger.debug("a message is delivered", metadata: place)
        }
    }

    private var isStopping: Bool {
        state.withLock { state in
            if case .stopping = state.phase { return true }
            return Task.isCancelled
        }
    }
}

extension ClaimedDelivery {
    /// What may be done on the way to its destination that is not done otherwise; our desk is ours, wherever it is.
    fileprivate var allowances: (http: Bool, privateAddress: Bool) {
        switch subject.destination {
        case .partner: (partner.allowsHTTP, partner.allowsPrivateAddress)
        case .desk: (true, true)
        case .sandbox: (sandbox?.allowsHTTP ?? false, sandbox?.allowsPrivateAddress ?? false)
        }
    }
}

extension Date {
    fileprivate init(_ time: Timestamp) {
        self.init(timeIntervalSince1970: Double(time.microseconds) / 1_000_000)
    }
}
