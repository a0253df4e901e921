import CCurl

/// The transfer thread's work: takes requests from the mailbox, lets libcurl make them, gives outcomes back.
final class TransferLoop {
    private let mailbox: Mailbox
    private let configuration: HTTPClient.Configuration
    private let multi: MultiHandle
    private var queue: TransferQueue<Submission>
    private var freeSlots: [TransferSlot] = []
    private var activeSlots: [UInt64: TransferSlot] = [:]
    private var nextExpiry = ContinuousClock.now

    init(mailbox: Mailbox, configuration: HTTPClient.Configuration) throws(CurlError) {
        self.mailbox = mailbox
        self.configuration = configuration
        multi = try MultiHandle(maximumConnections: configuration.maximumConcurrent)
        queue = TransferQueue(maximumPerTarget: configuration.maximumPerTarget)
    }

    /// Works until the mailbox is closed, or libcurl cannot wait any more; then nothing is under way.
    func run() throws(CurlError) {
        defer { stop() }
        while true {
            let mail = mailbox.collect()
            for submission in mail.submissions {
                queue.append(submission, id: submission.id, target: submission.target)
            }
            for id in mail.cancellations {
                cancel(id)
            }
            guard !mail.isClosed else { return }
            expireWaiting()
            startWaiting()
            multi.perform()
            finishDone()
            try wait()
        }
    }

    /// How often the deadlines of waiting requests are looked at.
    private static let queueTick = Duration.milliseconds(50)

    /// libcurl itself knows when its transfers need attention; this only bounds a wait for nothing.
    private static let idleTick = Duration.seconds(60)

    private func wait() throws(CurlError) {
        // A finished transfer has made room: whoever waits for it starts at once.
        let canStart = queue.waitingCount > 0 && activeSlots.count < configuration.maximumConcurrent && queue.hasReady
        guard !canStart else { return }
        let limit = queue.waitingCount > 0 ? Self.queueTick : Self.idleTick
        if try multi.poll(wake: mailbox.wakeNumber, limit: limit) {
            mailbox.clearWake()
        }
    }
}

// MARK: - Starting

extension TransferLoop {
    private func startWaiting() {
        while activeSlots.count < configuration.maximumConcurrent, let submission = queue.next() {
            let now = ContinuousClock.now
            let trust = submission.request.trust ?? configuration.trust
            start(Transfer(submission, trust: trust, started: now), now: now)
        }
    }

    private func start(_ transfer: Transfer, now: ContinuousClock.Instant) {
        let slot: TransferSlot
        do throws(CurlError) {
            if let free = freeSlots.popLast() {
                slot = free
            } else {
                slot = try TransferSlot(idleConnectionAge: configuration.idleConnectionAge)
            }
        } catch {
            queue.finish(transfer.submission.target)
            return deliver(.failed(Self.internalFault(error.code)), to: transfer.submission)
        }
        activeSlots[transfer.submission.id] = slot
        do throws(CurlError) {
            try slot.prepare(transfer, now: now)
            guard multi.add(slot.easy) else { throw CurlError(code: CURLE_FAILED_INIT) }
        } catch {
            release(slot, transfer, .failed(Self.internalFault(error.code)))
        }
    }

    private func expireWaiting() {
        guard queue.waitingCount > 0 else { return }
        let now = ContinuousClock.now
        guard now >= nextExpiry else { return }
        nextExpiry = now + Self.queueTick
        for submission in queue.removeAll(where: { $0.deadline <= now }) {
            var durations = HTTPDurations()
            durations.queued = now - submission.submitted
            durations.total = durations.queued
            deliver(
                .failed(HTTPFailure(.timedOut(.queue), requestMayHaveArrived: false, durations: durations)),
                to: submission,
            )
        }
    }

    private static func internalFault(_ code: CURLcode) -> HTTPFailure {
        HTTPFailure(.internalFault(code: Int(code.rawValue)), requestMayHaveArrived: false)
    }
}

// MARK: - Finishing

extension TransferLoop {
    private func finishDone() {
        while let (slot, code) = multi.nextFinished() {
            multi.remove(slot.easy)
            guard let transfer = slot.transfer else { continue }
            let now = ContinuousClock.now
            let outcome = transfer.outcome(of: code, easy: slot.easy, now: now)
            if case .failed(let failure) = outcome, failure.kind == .connect || failure.kind == .timedOut(.connect),
                transfer.tryNextAddress(now: now)
            {
                restart(slot, transfer, now: now)
            } else {
                release(slot, transfer, outcome)
            }
        }
    }

    private func restart(_ slot: TransferSlot, _ transfer: Transfer, now: ContinuousClock.Instant) {
        do throws(CurlError) {
            try slot.prepare(transfer, now: now)
            guard multi.add(slot.easy) else { throw CurlError(code: CURLE_FAILED_INIT) }
        } catch {
            release(slot, transfer, .failed(Self.internalFault(error.code)))
        }
    }

    private func cancel(_ id: UInt64) {
        if let submission = queue.remove(id) {
            deliver(.failed(HTTPFailure(.cancelled, requestMayHaveArrived: false)), to: submission)
        } else if let slot = activeSlots[id], let transfer = slot.transfer {
            multi.remove(slot.easy)
            release(slot, transfer, transfer.cancelled(easy: slot.easy, now: .now))
        }
    }

    private func stop() {
        for id in activeSlots.keys.sorted() {
            cancel(id)
        }
        for submission in queue.removeAll(where: { _ in true }) {
            deliver(.failed(HTTPFailure(.cancelled, requestMayHaveArrived: false)), to: submission)
        }
    }

    private func release(_ slot: TransferSlot, _ transfer: Transfer, _ outcome: HTTPOutcome) {
        slot.clear()
        activeSlots[transfer.submission.id] = nil
        freeSlots.append(slot)
        queue.finish(transfer.submission.target)
        deliver(outcome, to: transfer.submission)
    }

    private func deliver(_ outcome: HTTPOutcome, to submission: Submission) {
        mailbox.finished()
        submission.reply.give(outcome)
    }
}
