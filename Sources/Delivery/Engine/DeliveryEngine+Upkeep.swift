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
    func keepUp() async {
        while !Task.isCancelled {
            do {
                try await reclaim()
                try await CancelledReplays.giveUpUnprepared(store, now: clock())
                let isMoreLeft = try await CancelledReplays.sweepPage(store)
                try await finishReplays()
                guard !isMoreLeft else { continue }
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning("looking after the queue failed", metadata: ["error": "\(error)"])
            }
            await upkeep.wait(until: .now.advanced(by: settings.upkeepInterval))
        }
    }

    /// An attempt that was begun by whoever is gone becomes unknown before its message is tried again.
    private func reclaim() async throws {
        let (abandoned, active) = state.withLock { ($0.load.abandonedClaims, $0.load.activeClaims) }
        let subjects = try await store.read { session in
            try DeliveryQueue.expired(abandoned: abandoned, active: active, in: &session)
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
        state.withLock { $0.load.forget(abandoned) }
    }

    private func finishReplays() async throws {
        let replays = try await store.read { session in try DeliveryQueue.finishedReplays(in: &session) }
        for replay in replays {
            _ = try await recorder.record(.finishReplay(replay))
        }
    }
}
