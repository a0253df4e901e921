package import Ledger
package import LedgerStore
package import Logging
package import Postgres
import Synchronization

/// Keeps `projection.ticket` and `projection.comment` behind the ledger: what readers search and show.
///
/// It follows in order of position; what is committed at a position never changes and leaves no gap, so that being behind
/// a position is all there is to remember. Any number of processes may run one: the saved position is locked for each
/// step. A crash of the server may lose the last steps, rows and position alike, and they are done again.
package final class Follower: Sendable {
    /// How often to look, and how long to gather.
    package struct Rhythm: Sendable {
        /// Events that come within this time are folded together, unless somebody waits for them.
        package var gathering: Duration = .milliseconds(100)

        /// Between looks while nothing is reported, from the shortest, doubling to the longest.
        package var shortestPoll: Duration = .milliseconds(50)
        package var longestPoll: Duration = .seconds(1)

        /// After a failure, from the shortest, doubling to the longest.
        package var shortestPause: Duration = .milliseconds(100)
        package var longestPause: Duration = .seconds(10)

        package init() {}
    }

    private struct State {
        var progress = FollowerProgress(next: .first, end: .first)
        var waiters: [Int: (position: Position, continuation: CheckedContinuation<Bool, Never>)] = [:]
        var waiterCount = 0
    }

    private let configuration: PostgresConfiguration
    private let commits: CommitSignal?
    private let rhythm: Rhythm
    private let logger: Logger
    private let state = Mutex(State())

    /// Rung for every batch that was committed, and for who cannot wait for more to gather.
    private let news = Bell()
    private let haste = Bell()

    /// - Parameters:
    ///   - configuration: As the service's role; the follower has a connection of its own.
    ///   - commits: Wakes it up; without, it looks by itself.
    package init(
        configuration: PostgresConfiguration,
        commits: CommitSignal?,
        logger: Logger,
        rhythm: Rhythm = Rhythm(),
    ) {
        var configuration = configuration
        configuration.applicationName = "shareledger follower"
        configuration.settings["synchronous_commit"] = "off"
        configuration.settings["default_transaction_isolation"] = "read committed"
        configuration.settings["jit"] = "off"
        // The same few lookups by index again and again: planned once, and never as a scan of a table that was small then.
        configuration.settings["plan_cache_mode"] = "force_generic_plan"
        for method in ["seqscan", "hashjoin", "mergejoin"] { configuration.settings["enable_\(method)"] = "off" }
        configuration.settings["idle_in_transaction_session_timeout"] = "30s"
        self.configuration = configuration
        self.commits = commits
        self.logger = logger
        self.rhythm = rhythm
    }

    /// How far it, or whoever follows instead of it, had come when it looked last.
    package var progress: FollowerProgress {
        state.withLock(\.progress)
    }

    /// Follows until the task is cancelled, whatever happens to the database meanwhile.
    package func run() async {
        if let commits {
            let events = CommittedEvents()
            await commits.observing { [news] report in
                events.add(report.events, report.messages)
                news.ring()
            } while: {
                await follow(events)
            }
        } else {
            await follow(nil)
        }
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.continuation)
        }
        for waiter in waiters {
            waiter.resume(returning: false)
        }
    }
}

// MARK: - Following

extension Follower {
    private func follow(_ events: CommittedEvents?) async {
        var poll = rhythm.shortestPoll
        var pause = rhythm.shortestPause
        var connection: PostgresConnection?
        var runner = FollowerRunner()
        while !Task.isCancelled {
            do {
                let open = if let connection { connection } else { try await PostgresConnection.open(configuration) }
                connection = open
                let step = try await advance(open, runner, events)
                pause = rhythm.shortestPause
                if step.isReplaced {
                    await open.close()
                    connection = nil
                    runner = FollowerRunner()
                    continue
                }
                if step.hasMore { continue }
                poll = step.hasMoved ? rhythm.shortestPoll : min(poll * 2, rhythm.longestPoll)
                if await news.wait(atMost: poll) { poll = rhythm.shortestPoll }
                await haste.wait(atMost: rhythm.gathering)
            } catch {
                guard !Task.isCancelled else { break }
                logger.warning("following the ledger failed; trying again", metadata: ["error": "\(error)"])
                await connection?.close()
                connection = nil
                runner = FollowerRunner()
                // Cancellation only shortens the pause.
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, rhythm.longestPause)
            }
        }
        await connection?.close()
    }

    /// One step; whether there is anything new, whether more is to be done at once by us, and whether that takes a new
    /// session, as a rebuild has put new tables in place.
    private func advance(
        _ connection: PostgresConnection,
        _ runner: FollowerRunner,
        _ events: CommittedEvents?,
    ) async throws -> (hasMoved: Bool, hasMore: Bool, isReplaced: Bool) {
        let expected = progress.next
        let offered = events?.take(
            from: expected,
            count: FollowerStep.messageCount,
            byteCount: TicketEventReader.pageByteCount,
        )
        let found = try await connection.withSession { session in
            let outcome = try runner.advance(from: expected, offered: offered, in: &session)
            switch outcome {
            case .advanced(let advance):
                let progress = FollowerProgress(next: advance.next, end: advance.end)
                return (progress: progress, faults: advance.faults, isOurs: true, isReplaced: false)
            case .busy:
                return (try FollowerProgress.read(in: &session), [FoldFault](), false, false)
            case .replaced:
                return (try FollowerProgress.read(in: &session), [FoldFault](), false, true)
            }
        }
        for fault in found.faults {
            let metadata: Logger.Metadata = ["position": "\(fault.position)", "reason": "\(fault.reason)"]
            logger.error("a message cannot be folded", metadata: metadata)
        }
        note(found.progress)
        return (found.progress.next != expected, found.isOurs && found.progress.lag > 0, found.isReplaced)
    }

    private func note(_ progress: FollowerProgress) {
        let reached = state.withLock { state in
            state.progress = progress
            let reached = state.waiters.filter { $0.value.position < progress.next }
            for id in reached.keys { state.waiters[id] = nil }
            return reached.values.map(\.continuation)
        }
        for waiter in reached {
            waiter.resume(returning: true)
        }
    }
}

// MARK: - Waiting

extension Follower {
    /// Returns when the event at `position` is folded; says whether it was in time.
    ///
    /// False also when the task is cancelled, or the follower stops.
    package func waitUntil(_ position: Position, within limit: Duration) async -> Bool {
        haste.ring()
        news.ring()
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.reach(position) }
            group.addTask {
                // Cancelled or not, the time is over.
                try? await Task.sleep(for: limit)
                return false
            }
            let isReached = await group.next() ?? false
            group.cancelAll()
            return isReached
        }
    }

    private func reach(_ position: Position) async -> Bool {
        let id = state.withLock { state in
            state.waiterCount += 1
            return state.waiterCount
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReached: Bool? = state.withLock { state in
                    if position < state.progress.next { return true }
                    if Task.isCancelled { return false }
                    state.waiters[id] = (position, continuation)
                    return nil
                }
                if let isReached { continuation.resume(returning: isReached) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
    }
}
