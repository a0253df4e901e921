import Ledger
import LedgerStore
import Logging
import Metrics
import Sharing
import Synchronization

extension DeliveryEngine {
    /// Has lanes go on whose first delivery was deleted from the queue.
    func mendLanes() async {
        do {
            let count = try await store.read { session in try HeadlessLanes.mend(in: &session) }
            guard count > 0 else { return }
            work.send()
            logger.warning(
                "the first deliveries of lanes were deleted; the next ones follow, 'shareledger doctor' names what is lost",
                metadata: ["delivery.lanes": "\(count)"],
            )
        } catch {
            guard !Task.isCancelled else { return }
            logger.warning("looking after the lanes failed", metadata: ["error": "\(error)"])
        }
    }

    /// Renews the claims of what is under way, until cancelled.
    func keepClaims() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: settings.heartbeatInterval)
                let claims = state.withLock { $0.load.activeClaims }
                guard !claims.isEmpty else { continue }
                let lifetime = settings.claimLifetime
                try await store.read { session in try DeliveryQueue.renew(claims, for: lifetime, in: &session) }
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning("renewing claims failed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Gives back claims of workers that are gone, and ends replays that are done or cancelled, until cancelled itself.
    ///
    /// Looking for them takes no more than a twentieth of the time, however many dead rows somebody's snapshot keeps.
    func keepUp() async {
        while !Task.isCancelled {
            var took = Duration.zero
            do {
                took = try await reclaim()
                for replay in try await CancelledReplays.giveUpUnprepared(store) {
                    logger.warning(
                        "a replay is cancelled: whoever enqueued it was gone before all of it was in the queue",
                        metadata: ["replay": "\(replay)"],
                    )
                }
                let isMoreLeft = try await CancelledReplays.sweepPage(store)
                try await finishReplays()
                guard !isMoreLeft else { continue }
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning("looking after the queue failed", metadata: ["error": "\(error)"])
            }
            await upkeep.wait(until: .now.advanced(by: max(settings.upkeepInterval, took * 20)))
        }
    }

    /// An attempt that was begun by whoever is gone becomes unknown before its message is tried again.
    ///
    /// Returns how long it took to look for them.
    private func reclaim() async throws -> Duration {
        let (abandoned, active) = state.withLock { ($0.load.abandonedClaims, $0.load.activeClaims) }
        let (subjects, took) = try await store.read { session in
            let began = ContinuousClock.now
            let subjects = try DeliveryQueue.expired(abandoned: abandoned, active: active, in: &session)
            return (subjects, ContinuousClock.now - began)
        }
        let tryLimit = settings.schedule.pauses.count
        let now = clock()
        try await withThrowingDiscardingTaskGroup { group in
            for subject in subjects {
                group.addTask {
                    let result = try await self.recorder.record(.reclaim(subject, tryLimit: tryLimit, now: now))
                    guard result == .recorded else { return }
                    self.metrics.reclaimed.count()
                    self.logger.notice(
                        "a claim of a worker that is gone was taken back",
                        metadata: ["delivery.message": "\(subject.message)", "partner.name": "\(subject.partnerName)"],
                    )
                }
            }
        }
        state.withLock { state in
            state.load.forget(abandoned)
            if !subjects.isEmpty { state.floors.forget() }
        }
        return took
    }

    /// Leaves the list of workers; one that cannot is off it in two minutes.
    func signOff() async {
        let worker = worker
        do {
            try await store.read { session in try DeliveryQueue.leave(worker, in: &session) }
        } catch {
            logger.debug("leaving the list of workers failed", metadata: ["error": "\(error)"])
        }
    }

    private func finishReplays() async throws {
        let replays = try await store.read { session in try DeliveryQueue.finishedReplays(in: &session) }
        for replay in replays {
            _ = try await recorder.record(.finishReplay(replay))
        }
    }
}
