import Ledger
import LedgerStore
import Logging
import Metrics
import Sharing
import Synchronization

extension DeliveryEngine {
    /// Claims what is due and has it delivered, until the engine stops; then waits for what is under way.
    func dispatch() async {
        await withDiscardingTaskGroup { group in
            var poll = settings.shortestPoll
            while true {
                guard let room = room() else { break }
                let began = ContinuousClock.now
                let claimed = await claim(room)
                let pause = room.count > 0 ? settings.pause(afterClaimOf: .now - began) : .zero
                for delivery in claimed {
                    group.addTask { await self.work(on: delivery) }
                }
                // Cancellation ends the pause, and then the loop.
                try? await Task.sleep(for: pause)
                // A claim that was not filled has left nothing that is due and free.
                guard claimed.count < room.count || room.count == 0 else { continue }
                poll = claimed.isEmpty ? min(poll * 2, settings.longestPoll) : settings.shortestPoll
                if await work.wait(until: await nextLook(within: poll)) { poll = settings.shortestPoll }
            }
            await drain()
            group.cancelAll()
        }
    }

    private struct Room {
        let count: Int
        let byteCount: Int
        let after: Destination
    }

    /// What may be claimed now; `nil` when the engine is to stop.
    private func room() -> Room? {
        guard !Task.isCancelled else { return nil }
        return state.withLock { state in
            guard case .running = state.phase else { return nil }
            let byteCount = settings.maximumInFlightByteCount - state.load.byteCount
            return Room(
                count: byteCount > 0 ? settings.maximumInFlight - state.load.count : 0,
                byteCount: byteCount,
                after: state.load.lastDestination,
            )
        }
    }

    private func claim(_ room: Room) async -> [ClaimedDelivery] {
        guard room.count > 0 else { return [] }
        let now = clock()
        let claim = EventID(at: now, randomness: randomness)
        let (floors, underWay) = state.withLock { state in
            (state.floors.take(at: .now, due: now), state.load.underWay)
        }
        let request = DeliveryQueue.ClaimRequest(
            claim: claim,
            lifetime: settings.claimLifetime,
            due: now,
            count: room.count,
            byteCount: room.byteCount,
            deskConcurrency: store.settings.deskURL == nil ? 0 : settings.deskConcurrency,
            after: room.after,
            worker: worker,
            underWay: underWay,
            floors: floors,
        )
        do {
            let (claimed, took, found) = try await store.read { session in
                let began = ContinuousClock.now
                let claimed = try DeliveryQueue.claim(request, in: &session)
                let took = ContinuousClock.now - began
                let isWorthIt = took > ClaimFloors.quick || !floors.isEmpty
                let found = isWorthIt ? try DeliveryQueue.floors(after: now, from: floors, in: &session) : [:]
                return (claimed, took, found)
            }
            metrics.claimDuration.observe(took)
            state.withLock { state in
                state.load.take(claimed, claim: claim)
                state.floors.note(found, after: floors, took: took, at: .now)
            }
            return claimed
        } catch {
            // It may have been made all the same; then upkeep gives it back.
            state.withLock { $0.load.suspect(claim) }
            if !Task.isCancelled { logger.warning("claiming deliveries failed", metadata: ["error": "\(error)"]) }
            return []
        }
    }

    /// When to look again, if nothing happens before.
    private func nextLook(within poll: Duration) async -> ContinuousClock.Instant {
        let now = clock()
        var due = state.withLock { $0.load.nextDue }
        if let passed = due, passed <= now {
            do {
                let next = try await store.read { session in try DeliveryQueue.nextDue(after: now, in: &session) }
                due = state.withLock { state in
                    state.load.setNextDue(next)
                    return state.load.nextDue
                }
            } catch {
                // Claiming tells of the same trouble.
                due = nil
            }
        }
        guard let due else { return .now.advanced(by: poll) }
        let wait = Duration.microseconds(max(0, due.microseconds - clock().microseconds))
        return .now.advanced(by: min(poll, wait))
    }

    /// Waits until nothing is under way, at most until the deadline of a stop.
    private func drain() async {
        while !Task.isCancelled {
            let deadline = state.withLock { state -> ContinuousClock.Instant? in
                guard state.load.count > 0, case .stopping(let deadline) = state.phase else { return nil }
                return deadline
            }
            guard let deadline, deadline > .now else { return }
            await work.wait(until: deadline)
        }
    }
}
