import CCurl

/// A request on its way to the transfer thread, and where its outcome goes.
struct Submission: Sendable {
    let id: UInt64
    let request: HTTPRequest
    let reply: Reply<HTTPOutcome>
    let submitted: ContinuousClock.Instant

    var target: TransferQueue<Submission>.Target { .init(host: request.url.host, port: request.url.port) }

    /// When the request's time is up.
    var deadline: ContinuousClock.Instant { submitted + request.limits.total }
}

/// One request while it is being made: what was sent, to whom, and what has come back.
///
/// Belongs to the transfer thread, as do the callbacks that write to it.
final class Transfer {
    let submission: Submission
    let started: ContinuousClock.Instant
    let trust: TrustStore

    /// Which of the target's addresses is being tried.
    private(set) var addressIndex = 0

    /// When the present address began to be tried.
    private(set) var addressStarted: ContinuousClock.Instant

    /// The answer as far as it has come.
    var reader: AnswerReader

    /// How often libcurl was about to send the request; the second time is stopped.
    private(set) var sendCount = 0

    /// Whether libcurl meant to send the request again, or to connect again for that.
    private(set) var wouldResend = false

    /// Whether its time was up before it could be sent.
    private(set) var isTooLate = false

    /// What secured the connection over which the request was sent.
    private(set) var session: HTTPSession?

    init(_ submission: Submission, trust: TrustStore, started: ContinuousClock.Instant) {
        self.submission = submission
        self.trust = trust
        self.started = started
        addressStarted = started
        reader = AnswerReader(limits: submission.request.limits)
    }

    var request: HTTPRequest { submission.request }

    /// The one address and port that may be connected to.
    var peer: Endpoint {
        Endpoint(address: request.target.addresses[addressIndex], port: request.target.port)
    }

    /// Addresses that are tried at most; the rest of a long list would only use up the time.
    private static let maximumAddresses = 4

    private var addressCount: Int { min(request.target.addresses.count, Self.maximumAddresses) }

    /// How long the present address may take to connect: its share of what is left.
    var connectLimit: Duration {
        let left = request.limits.connect - (addressStarted - started)
        return left / (addressCount - addressIndex)
    }

    /// Goes on to the next address if there is one and time for it.
    func tryNextAddress(now: ContinuousClock.Instant) -> Bool {
        guard sendCount == 0, addressIndex + 1 < addressCount, now - started < request.limits.connect,
            now < submission.deadline
        else { return false }
        addressIndex += 1
        addressStarted = now
        return true
    }

    /// Allows one sending, over a connection to the vetted address, as long as there is time.
    ///
    /// Time passes for a process that is stopped, too: what it would send when it goes on others may have sent meanwhile.
    func maySend(to actual: Endpoint?) -> Bool {
        guard sendCount == 0 else {
            wouldResend = true
            return false
        }
        guard actual == peer else { return false }
        guard .now < submission.deadline else {
            isTooLate = true
            return false
        }
        sendCount = 1
        return true
    }

    /// Allows connecting as long as nothing was sent.
    func mayConnect() -> Bool {
        wouldResend = sendCount > 0
        return sendCount == 0
    }

    func secured(by session: HTTPSession?) {
        self.session = session
    }
}
