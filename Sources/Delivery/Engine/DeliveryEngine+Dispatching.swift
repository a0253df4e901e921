import Ledger
import LedgerStore
import Logging
import Sharing
import Synchronization

extension DeliveryEngine {
    /// Claims what is due and has it delivered, until the engine stops; then waits for what is under way.
    func dispatch() async {
        await withDiscardingTaskGroup { group in
            var poll = settings.shortestPoll
            while true {
                await hurryCanaries()
                guard let room = room() else { break }
                let claimed = await claim(room)
                for (delivery, isHeld) in claimed {
                    group.addTask { await self.work(on: delivery, isHeld: isHeld) }
                }
                // A claim that was not filled has left nothing that is due and free.
                guard claimed.count < room.count || room.count == 0 else { continue }
                poll = claimed.isEmpty ? min(poll * 2, settings.longestPoll) : settings.shortestPoll
                if await work.wait(until: await nextLook(within: poll)) { poll = settings.shortestPoll }
            }
            await drain()
            group.cancelAll()
        }
    }

    /// Has destinations that are away tried again at once where an operator has ordered so since their last fault.
    private func hurryCanaries() async {
        let now = clock()
        let held = state.withLock { $0.load.heldSince(at: now) }
        guard !held.isEmpty else { return }
        do {
            let ordered = try await store.read { session in
                try DeliveryQueue.resumed(since: held, until: now, in: &session)
            }
            state.withLock { $0.load.hurry(ordered, at: now) }
        } catch {
            // Claiming tells of the same trouble.
        }
    }

    private struct Room {
        let count: Int
        let byteCount: Int
        let caps: [Destination: Int]
        let after: Destination
    }

    /// What may be claimed now; `nil` when the engine is to stop.
    private func room() -> Room? {
        guard !Task.isCancelled else { return nil }
        let now = clock()
        return state.withLock { state in
            guard case .running = state.phase else { return nil }
            let byteCount = settings.maximumInFlightByteCount - state.load.byteCount
            return Room(
                count: byteCount > 0 ? settings.maximumInFlight - state.load.count : 0,
                byteCount: byteCount,
                caps: state.load.caps(at: now),
                after: state.load.lastDestination,
            )
        }
    }

    /// Deliveries, and whether they are to be given back, as their destination is away.
    private func claim(_ room: Room) async -> [(delivery: ClaimedDelivery, isHeld: Bool)] {
        guard room.count > 0 else { return [] }
        let now = clock()
        let claim = EventID(at: now, randomness: randomness)
        let request = DeliveryQueue.ClaimRequest(
            claim: claim,
            lifetime: settings.claimLifetime,
            due: now,
            count: room.count,
            byteCount: room.byteCount,
            deskConcurrency: store.settings.deskURL == nil ? 0 : settings.deskConcurrency,
            caps: room.caps,
            after: room.after,
        )
        do {
            let claimed = try await store.read { session in try DeliveryQueue.claim(request, in: &session) }
            let held = state.withLock { $0.load.take(claimed, claim: claim, at: now) }
            return claimed.map { ($0, held.contains($0.subject.delivery)) }
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
                    state.load.setNextDue(next, after: now)
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
