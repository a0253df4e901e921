package import Ledger
package import Sharing

/// What the end of an attempt says of its destination.
package enum HealthSign: Sendable, Equatable {
    /// Nothing: the attempt ended for a reason of ours, or nothing was sent.
    case none
    /// It could not be spoken to.
    case fault
    /// It answered that it cannot take anything now.
    case overload
    /// It answered, whatever it made of the message.
    case reached
    /// It answered 401 or 403.
    case unauthorized
    /// It answered 410 to what is not a deletion: it does not take part any more.
    case gone

    var isFailure: Bool { self == .fault || self == .overload }
}

/// The end of an attempt, as far as its destination's health is concerned.
package struct HealthReport: Sendable {
    package var sign: HealthSign
    package var delivery: DeliveryID

    /// What the attempt came to, in a few words.
    package var reason: String

    /// How long the destination asks us to wait.
    package var requestedPause: Duration?

    /// Requests that may be under way to it when it is up.
    package var capacity: Int

    package init(
        _ sign: HealthSign,
        of delivery: DeliveryID,
        reason: String,
        requestedPause: Duration? = nil,
        capacity: Int,
    ) {
        self.sign = sign
        self.delivery = delivery
        self.reason = reason
        self.requestedPause = requestedPause
        self.capacity = capacity
    }
}

extension DestinationRecord {
    /// Takes note of an attempt's end. Pure.
    ///
    /// - Returns: Why nothing more is to be sent until an operator has looked; usually `nil`.
    package mutating func note(
        _ report: HealthReport,
        at now: Timestamp,
        under rules: OutageRules,
    ) -> String? {
        guard report.sign != .none else { return nil }
        history = (history << 1 | (report.sign.isFailure ? 1 : 0)) & (1 << UInt32(OutageRules.window) - 1)
        if report.sign.isFailure {
            noteFailure(report, at: now, under: rules)
            return nil
        }
        noteReached(report, at: now, under: rules)
        refusals = report.sign == .unauthorized ? refusals + 1 : 0
        switch report.sign {
        case .gone: return "it answered 410: it says that it does not take part any more"
        case .unauthorized where refusals >= rules.refusalTolerance:
            defer { refusals = 0 }
            return "\(refusals) answers in a row were 401 or 403: it does not know our tokens any more"
        default: return nil
        }
    }

    /// Whether an attempt may begin: while it is out only the canary's.
    ///
    /// It may have gone out after the delivery was claimed.
    package func admits(_ delivery: DeliveryID) -> Bool {
        state != .out || canary == delivery
    }

    private mutating func noteFailure(_ report: HealthReport, at now: Timestamp, under rules: OutageRules) {
        if failures == 0 { firstFailure = now }
        failures += 1
        switch state {
        case .out:
            guard canary == report.delivery else { return }
            canaries += 1
            setCanary(report, at: now, under: rules)
        case .up, .struggling:
            if isOut(report.sign, at: now, under: rules) {
                enter(.out, at: now, because: report.reason)
                setCanary(report, at: now, under: rules)
            } else if state == .struggling {
                limit = max(1, (limit ?? 1) / 2)
            } else if history.nonzeroBitCount >= rules.strugglingCount {
                enter(.struggling, at: now, because: report.reason)
                limit = max(1, report.capacity / 2)
            }
        }
    }

    private mutating func noteReached(_ report: HealthReport, at now: Timestamp, under rules: OutageRules) {
        failures = 0
        firstFailure = nil
        switch state {
        case .up: break
        case .out:
            enter(.struggling, at: now, because: "it answers again")
            limit = 1
            history = 0
        case .struggling:
            limit = (limit ?? 1) + 1
            guard (limit ?? 1) >= report.capacity, history.nonzeroBitCount < rules.strugglingCount else {
                limit = min(limit ?? 1, max(1, report.capacity))
                return
            }
            enter(.up, at: now, because: nil)
        }
    }

    private func isOut(_ sign: HealthSign, at now: Timestamp, under rules: OutageRules) -> Bool {
        let isLasting = firstFailure.map { $0.advanced(by: rules.patience) <= now } ?? false
        let isAway =
            sign == .fault
            && (failures >= rules.faultTolerance || failures >= rules.patientFaultTolerance && isLasting)
        return isAway || failures >= rules.failureTolerance || history.nonzeroBitCount >= rules.outCount
    }

    private mutating func setCanary(_ report: HealthReport, at now: Timestamp, under rules: OutageRules) {
        let asked = min(report.requestedPause ?? .zero, RetrySchedule.longestRequestedPause)
        nextCanary = now.advanced(by: max(rules.interval(afterCanaries: canaries), asked))
    }

    private mutating func enter(_ state: State, at now: Timestamp, because reason: String?) {
        self.state = state
        self.reason = reason
        since = now
        limit = nil
        nextCanary = nil
        canary = nil
        canaries = 0
    }
}
