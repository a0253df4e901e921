package import Cryptography
package import HTTPClient
package import Ledger
package import LedgerStore
package import Logging
import Sharing
import Synchronization

/// Delivers what waits in the queue, to partners and to our own desk.
///
/// Each attempt is in the ledger before a byte of it leaves and once more when its end is known. In a lane messages go
/// strictly in order, lanes go in parallel; any number of processes share the work by claims. A message is delivered twice
/// only where the ledger holds an `attempt.unknown` or a replay that explains it.
package final class DeliveryEngine: Sendable {
    enum Phase {
        case ready
        case running
        case stopping(ContinuousClock.Instant)
        case stopped
    }

    struct State {
        var phase = Phase.ready
        var load = Workload()
        var floors = ClaimFloors()
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What is counted of its work.
    package let metrics = DeliveryMetrics()

    let store: Store
    let client: HTTPClient
    let settings: DeliverySettings
    let logger: Logger
    let clock: @Sendable () -> Timestamp
    let randomness: Randomness
    let resolver: Resolver
    let stateMessages: StateMessageSource
    let writer: RequestWriter
    let recorder: AttemptRecorder
    let state = Mutex(State())
    let worker: EventID
    let work = WakeSignal()
    let upkeep = WakeSignal()

    /// - Parameters:
    ///   - resolver: Finds the addresses of hosts.
    ///   - stateMessages: Makes the requests of a replayed state, at the moment when it is sent.
    package init(
        store: Store,
        client: HTTPClient,
        settings: DeliverySettings,
        logger: Logger,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        randomness: Randomness = .system,
        resolver: Resolver = .system(),
        stateMessages: @escaping StateMessageSource,
    ) {
        self.store = store
        self.client = client
        self.settings = settings
        self.logger = logger
        self.clock = clock
        self.randomness = randomness
        self.resolver = resolver
        self.stateMessages = stateMessages
        writer = RequestWriter(
            settings: store.settings,
            keys: store.keys,
            userAgent: settings.userAgent,
            randomness: randomness,
        )
        // Whatever is left to chance elsewhere: two workers of one name would each take itself for alone.
        worker = EventID(at: clock(), randomness: .system)
        let work = work
        recorder = AttemptRecorder(appender: store.appender, gatherTime: settings.gatherTime) { work.send() }
    }
}

// MARK: - Running

extension DeliveryEngine {
    /// Works until ``stop(deadline:)`` or until the task is cancelled, which stops it with no time to finish.
    ///
    /// May be called again after it has returned. The store must stay open until then.
    package func run() async {
        let isStarted = state.withLock { state in
            guard case .ready = state.phase else { return false }
            state.phase = .running
            return true
        }
        guard isStarted else { return }
        let work = work
        await store.commits.observing { report in
            if report.hasDeliveries { work.send() }
        } while: {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepClaims() }
                group.addTask { await self.keepUp() }
                group.addTask { await self.mendLanes() }
                await dispatch()
                group.cancelAll()
            }
        }
        await signOff()
        let waiters = state.withLock { state in
            if case .stopping = state.phase { state.phase = .stopped } else { state.phase = .ready }
            defer { state.stopWaiters = [] }
            return state.stopWaiters
        }
        for waiter in waiters {
            waiter.resume()
        }
    }

    /// Claims nothing more, lets running attempts finish until the deadline, then breaks them off, and waits for the end.
    ///
    /// What was broken off is in the ledger like any other attempt, and its claim is given back. An engine that was
    /// stopped does not run again.
    package func stop(deadline: Duration) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                switch state.phase {
                case .ready, .stopped:
                    state.phase = .stopped
                    return true
                case .running:
                    state.phase = .stopping(.now.advanced(by: deadline))
                    state.stopWaiters.append(continuation)
                    work.send()
                    return false
                case .stopping:
                    state.stopWaiters.append(continuation)
                    return false
                }
            }
            if isOver { continuation.resume() }
        }
    }

    /// Has the queue looked at now: for whoever has changed it in another way than through the appender of this process.
    package func wake() {
        state.withLock { $0.floors.forget() }
        work.send()
        upkeep.send()
    }

    /// Deliveries that are under way in this process.
    package var inFlightCount: Int {
        state.withLock { $0.load.count }
    }
}
