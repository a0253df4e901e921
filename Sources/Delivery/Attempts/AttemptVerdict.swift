import Foundation
import HTTPClient
import Ledger
import TicketSharing

/// What an attempt's end means for the delivery: pure, from the outcome alone.
struct AttemptVerdict: Sendable, Equatable {
    let finding: Finding
    let eventType: EventType

    /// In a few words, for whoever asks why.
    private(set) var reason: String

    /// How long the destination asks us to wait.
    var requestedPause: Duration?

    /// What it says of the destination, and so of whatever else is for it.
    var sign = HealthSign.none

    /// Whether all went as it should.
    var isClean = false

    /// What became of a delivery; the raw value stands in the facts of the outcome.
    enum Finding: String, Sendable {
        case delivered
        /// A replayed POST of what the destination has already: delivered.
        case exists
        /// A DELETE of what the destination has not, or not any more: delivered.
        case gone
        /// Tried again by the schedule.
        case retry
        /// Tried again without using up a try: the fault is ours.
        case interrupted
        /// The same state by the other method, at once.
        case otherMethod = "other-method"
        /// For good.
        case refused
        /// For good: a redirect is never followed, as it would show the token to somebody else.
        case redirect
        /// For good: there was the last try.
        case exhausted
        /// Until an operator lets it go: it is not known whether another copy of the ledger has sent it.
        case held

        var isDelivered: Bool {
            switch self {
            case .delivered, .exists, .gone: true
            default: false
            }
        }
    }
}

extension AttemptVerdict {
    /// The same with a placeholder where one of `secrets` stood: a partner may put our token into what it answers.
    func masking(_ secrets: [[UInt8]]) -> AttemptVerdict {
        var masked = self
        masked.reason = String(
            decoding: CredentialCutter.cut(Array(reason.utf8), secrets: secrets).stored,
            as: UTF8.self
        )
        return masked
    }
}

// MARK: - Judging

extension AttemptVerdict {
    /// What is known of the request that an outcome is of.
    struct Request: Sendable {
        let method: HTTPRequest.Method

        /// Whether the message goes out again for a replay.
        let isReplay: Bool

        /// Whether the state was not yet tried by the other method.
        let mayChangeMethod: Bool
    }

    init(_ outcome: HTTPOutcome, of request: Request, now: Date) {
        switch outcome {
        case .answered(let answer): self.init(answer, of: request, now: now)
        case .failed(let failure): self.init(failure, now: now)
        }
    }

    private init(_ answer: HTTPAnswer, of request: Request, now: Date) {
        let status = answer.status
        let said = "the answer was \(status)"
        defer { sign = Self.sign(of: status, request.method) }
        let isExisting = request.isReplay && request.method == .post && status == 422
        let isMissing = request.method != .delete && status == 404
        switch status {
        case 200..<300:
            self.init(finding: .delivered, eventType: .attemptSucceeded, reason: said, isClean: true)
        case _ where request.mayChangeMethod && (isMissing || status == 422):
            self.init(finding: .otherMethod, eventType: .attemptFailed, reason: "\(said): the other method is tried")
        case _ where isExisting:
            self.init(finding: .exists, eventType: .attemptSucceeded, reason: "\(said): it has this already")
        case 404 where request.method == .delete, 410 where request.method == .delete:
            self.init(finding: .gone, eventType: .attemptSucceeded, reason: "\(said): there is nothing to unshare")
        case 300..<400:
            let place = answer.headers.first(named: "Location").map { " to \($0.text.prefix(500))" } ?? ""
            let reason = "\(said), a redirect\(place), which is not followed: the partner's URL has to be changed"
            self.init(finding: .redirect, eventType: .attemptFailed, reason: reason)
        case 408, 429, 500...:
            self.init(finding: .retry, eventType: .attemptFailed, reason: said)
            requestedPause = answer.retryDelay(now: now, atMost: RetrySchedule.longestRequestedPause)
        default:
            self.init(finding: .refused, eventType: .attemptFailed, reason: said)
        }
    }

    /// An answer that broke off after it said 2xx came from a destination that has taken the message.
    private init(_ failure: HTTPFailure, now: Date) {
        if let status = failure.partialAnswer?.status, (200..<300).contains(status) {
            let reason = "the answer was \(status) and then broke off: \(failure.description)"
            self.init(finding: .delivered, eventType: .attemptSucceeded, reason: reason, sign: .reached)
            return
        }
        // Whoever has answered, if only half, has been reached; what it did with the request is what its answer says.
        let isKnown = !failure.requestMayHaveArrived || failure.partialAnswer != nil
        let said = failure.partialAnswer.map { "the answer was \($0.status) and then broke off: " } ?? ""
        self.init(
            finding: failure.isOurs ? .interrupted : failure.isOwnListener ? .refused : .retry,
            eventType: isKnown ? .attemptFailed : .attemptUnknown,
            reason: said + failure.advice,
        )
        requestedPause = failure.partialAnswer?.retryDelay(now: now, atMost: RetrySchedule.longestRequestedPause)
        sign = failure.sign
    }

    /// A request that was not sent, since its URL must not be spoken to.
    static func refusedBeforehand(_ reason: String) -> AttemptVerdict {
        AttemptVerdict(finding: .retry, eventType: .attemptFailed, reason: reason)
    }

    /// The same for a delivery that is not tried any more.
    var exhausted: AttemptVerdict {
        AttemptVerdict(
            finding: .exhausted,
            eventType: eventType,
            reason: "\(reason); that was the last try",
            sign: sign,
        )
    }

    /// The same for a delivery that is tried again although its last try is over.
    var triedAgain: AttemptVerdict {
        guard finding == .exhausted else { return self }
        return AttemptVerdict(finding: .retry, eventType: eventType, reason: reason, sign: sign)
    }

    private static func sign(of status: Int, _ method: HTTPRequest.Method) -> HealthSign {
        switch status {
        case 408, 429, 500...: .overload
        case 401, 403: .unauthorized
        case 410 where method != .delete: .gone
        default: .reached
        }
    }
}

extension HTTPFailure {
    /// Whether the attempt ended for a reason of our own.
    fileprivate var isOurs: Bool {
        switch kind {
        case .cancelled, .queueFull, .internalFault, .timedOut(.queue), .resolve(.busy), .resolve(.cancelled): true
        default: false
        }
    }

    /// Whether the target is one of our own listeners, which no later try changes.
    fileprivate var isOwnListener: Bool {
        if case .refusedByPolicy(let refusal) = kind { refusal.reason == .ownListener } else { false }
    }

    /// Whoever has answered, if only half or rubbish, may have taken the message: it must not be sent for ever.
    fileprivate var sign: HealthSign {
        switch kind {
        case _ where isOurs: .none
        case .tooLarge, .malformedAnswer: .overload
        case _ where partialAnswer != nil: .overload
        case .connect, .tls, .timedOut, .connectionLost, .resendPrevented, .resolve: .fault
        case .refusedByPolicy, .cancelled, .queueFull, .internalFault: .none
        }
    }

    /// What went wrong, and which option would allow it.
    fileprivate var advice: String {
        switch kind {
        case .refusedByPolicy(let refusal):
            switch refusal.reason {
            case .specialPurpose(let purpose) where purpose.isInner:
                "\(description); --allow-private-address allows it for this partner"
            case .ownListener: "\(description): the URL has to be the other help desk's, nothing is sent to ourselves"
            default: description
            }
        default: detail.isEmpty ? description : "\(description): \(detail)"
        }
    }
}
