import Ledger
import LedgerStore
import Logging
import Sharing
import Synchronization
import TicketSharing

extension DeliveryEngine {
    /// Makes one try of a delivery and sees to it that the queue says what came of it.
    func work(on delivery: ClaimedDelivery) async {
        var isSettled = true
        do {
            switch delivery.kind {
            case _ where delivery.isSuperseded:
                let reason = "it is of an invitation that was declined, in the place of which another one came"
                try await settle(.abandon(delivery.subject, reason: reason))
            case .message: try await deliverMessage(delivery)
            case .state: try await deliverState(delivery)
            }
        } catch {
            isSettled = false
            logger.error(
                "a delivery could not be recorded",
                metadata: ["delivery.message": "\(delivery.subject.message)", "error": "\(error)"],
            )
        }
        let isAwaited = state.withLock { state in
            let wasFull = isFull(state.load)
            state.load.leave(delivery, isSettled: isSettled)
            if case .stopping = state.phase { return true }
            return wasFull
        }
        if isAwaited { work.send() }
    }

    private func isFull(_ load: Workload) -> Bool {
        load.count >= settings.maximumInFlight || load.byteCount >= settings.maximumInFlightByteCount
    }

    private func deliverMessage(_ delivery: ClaimedDelivery) async throws(AppendError) {
        let exchange = EventID(at: clock(), randomness: randomness)
        let request: OutgoingRequest
        do throws(Unsendable) {
            request = try writer.request(for: delivery, exchange: exchange)
        } catch {
            return try await giveUp(delivery, error)
        }
        let plan = AttemptPlan(
            exchange: exchange,
            isReplay: delivery.subject.replay != nil,
            mayChangeMethod: false,
            countsAsTry: true,
            isLast: true,
        )
        _ = try await attempt(request, of: delivery, plan)
    }

    /// Sends a state as several requests, the first by the other method if the destination turns out to need that.
    private func deliverState(_ delivery: ClaimedDelivery) async throws(AppendError) {
        let messages: [StateMessage]
        do {
            messages = try await stateMessages(try StateDelivery(delivery))
        } catch let damage as PartFault {
            return try await giveUp(delivery, Unsendable(damage))
        } catch let gap as ChainGap {
            return try await giveUp(delivery, .forGood("the ticket's state is not known: \(gap)"))
        } catch {
            return try await giveUp(delivery, error as? Unsendable ?? .forNow("the state could not be made: \(error)"))
        }
        guard !messages.isEmpty else {
            return try await settle(.abandon(delivery.subject, reason: "the ticket is not shared any more"))
        }
        for (index, message) in messages.enumerated() {
            var method = message.method
            var hasChanged = index > 0
            repeat {
                let exchange = EventID(at: clock(), randomness: randomness)
                let request: OutgoingRequest
                do throws(Unsendable) {
                    request = try writer.request(for: delivery, state: message, method: method, exchange: exchange)
                } catch {
                    return try await giveUp(delivery, error)
                }
                let plan = AttemptPlan(
                    exchange: exchange,
                    isReplay: false,
                    mayChangeMethod: !hasChanged,
                    countsAsTry: index == 0 && !hasChanged,
                    isLast: index == messages.count - 1,
                )
                switch try await attempt(request, of: delivery, plan) {
                case .delivered?: method = message.method
                case .otherMethod?:
                    method = method == .post ? .put : .post
                    hasChanged = true
                    continue
                default: return
                }
                break
            } while true
        }
    }

    func giveUp(_ delivery: ClaimedDelivery, _ reason: Unsendable) async throws(AppendError) {
        let place: Logger.Metadata = [
            "delivery.message": "\(delivery.subject.message)",
            "partner.name": "\(delivery.subject.partnerName)",
            "error": "\(reason)",
        ]
        switch reason {
        case .forGood(let reason):
            logger.warning("a delivery is parked", metadata: place)
            try await settle(.park(delivery.subject, reason: reason))
        case .forNow:
            logger.error("a delivery cannot be sent now", metadata: place)
            try await settle(.release(delivery.subject, due: clock().advanced(by: .seconds(60))))
        }
    }
}

// MARK: - Recording what must not be lost

extension DeliveryEngine {
    /// Records the end of an attempt, and goes on trying as long as the database is away: without it the attempt would
    /// have to be called unknown, and the message sent again.
    func settle(_ entry: AttemptEntry) async throws(AppendError) {
        var pause = Duration.milliseconds(100)
        while true {
            do throws(AppendError) {
                if try await recorder.record(entry) == .claimLost { noteLostClaim(entry) }
                if entry.endsReplayedDelivery { upkeep.send() }
                if let verdict = entry.verdict { metrics.count(verdict) }
                if entry.mayDefer { state.withLock { $0.load.forgetNextDue() } }
                return
            } catch {
                guard error.mayPass, !Task.isCancelled else { throw error }
                // Cancellation ends the pause, and then the loop.
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
            }
        }
    }

    private func noteLostClaim(_ entry: AttemptEntry) {
        logger.warning(
            "a delivery was taken over before its attempt ended",
            metadata: ["delivery": "\(entry.keys.deliveries.map(\.rawValue))"],
        )
    }
}

extension AttemptEntry {
    /// How the attempt ended that it is of.
    fileprivate var verdict: AttemptVerdict? {
        switch self {
        case .end(let end), .endAtOnce(_, let end): end.verdict
        default: nil
        }
    }

    /// Whether it may have changed when something is due next.
    fileprivate var mayDefer: Bool {
        switch self {
        case .end(let end), .endAtOnce(_, let end): !end.verdict.finding.isDelivered
        case .release: true
        default: false
        }
    }

    fileprivate var endsReplayedDelivery: Bool {
        switch self {
        case .end(let end): end.subject.replay != nil && end.verdict.finding.isDelivered
        case .abandon(let subject, _): subject.replay != nil
        default: false
        }
    }
}

extension AppendError {
    /// Whether the same entry may be recorded later.
    fileprivate var mayPass: Bool {
        switch self {
        case .unavailable, .overloaded: true
        case .refused, .lostEvents, .notInitialized: false
        }
    }
}
