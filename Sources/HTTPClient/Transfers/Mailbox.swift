import Synchronization

/// Where callers leave requests and cancellations for the transfer thread.
final class Mailbox: Sendable {
    /// What was left since the last time.
    struct Mail {
        var submissions: [Submission] = []
        var cancellations: [UInt64] = []
        var isClosed = false
    }

    /// What became of an attempt to leave a request.
    enum Receipt {
        case accepted(id: UInt64)
        case full
        case closed
    }

    private struct State {
        var mail = Mail()
        var lastID: UInt64 = 0
        var outstandingCount = 0
        var hasEnded = false
        var awaitingEnd: [Reply<Void>] = []
    }

    private let maximumOutstanding: Int
    private let wake: WakeDescriptor
    private let state = Mutex(State())

    init(maximumOutstanding: Int) throws(CurlError) {
        self.maximumOutstanding = maximumOutstanding
        wake = try WakeDescriptor()
    }
}

// MARK: - For callers

extension Mailbox {
    /// Leaves a request, unless too many are on their way already.
    func submit(_ request: HTTPRequest, _ reply: Reply<HTTPOutcome>) -> Receipt {
        let now = ContinuousClock.now
        let (receipt, wasEmpty) = state.withLock { state -> (Receipt, Bool) in
            guard !state.mail.isClosed else { return (.closed, false) }
            guard state.outstandingCount < maximumOutstanding else { return (.full, false) }
            state.lastID += 1
            state.outstandingCount += 1
            let wasEmpty = state.mail.submissions.isEmpty && state.mail.cancellations.isEmpty
            state.mail.submissions.append(
                Submission(id: state.lastID, request: request, reply: reply, submitted: now)
            )
            return (.accepted(id: state.lastID), wasEmpty)
        }
        // Whoever found the mailbox empty wakes the thread for all who come before it looks.
        if wasEmpty {
            wake.signal()
        }
        return receipt
    }

    /// Asks for a request's end, wherever it is; one that has ended is left alone.
    func cancel(_ id: UInt64) {
        state.withLock { $0.mail.cancellations.append(id) }
        wake.signal()
    }

    /// Asks the thread to end.
    func close() {
        state.withLock { $0.mail.isClosed = true }
        wake.signal()
    }

    /// Waits until the thread has ended.
    func ended() async {
        let reply = Reply<Void>()
        let hasEnded = state.withLock { state in
            state.awaitingEnd.append(reply)
            return state.hasEnded
        }
        if hasEnded {
            reply.give(())
        }
        await reply.value()
    }

    /// Requests that were accepted and have no outcome yet.
    var outstandingCount: Int { state.withLock { $0.outstandingCount } }
}

// MARK: - For the transfer thread

extension Mailbox {
    /// The descriptor that is readable when there is mail.
    var wakeNumber: Int32 { wake.number }

    /// Makes the descriptor unreadable; to be called before ``collect()``, so that no signal is lost.
    func clearWake() {
        wake.clear()
    }

    /// Takes what has been left.
    func collect() -> Mail {
        state.withLock { state in
            let mail = state.mail
            state.mail = Mail(isClosed: mail.isClosed)
            return mail
        }
    }

    /// Notes that an accepted request has its outcome.
    func finished() {
        state.withLock { $0.outstandingCount -= 1 }
    }

    /// Notes that the thread does nothing any more; requests left since the last look come back.
    func end() -> [Submission] {
        let (submissions, replies) = state.withLock { state in
            state.hasEnded = true
            state.mail.isClosed = true
            defer { state.mail.submissions = [] }
            return (state.mail.submissions, state.awaitingEnd)
        }
        for reply in replies {
            reply.give(())
        }
        return submissions
    }
}
