package import Ledger
package import Logging
import Metrics
package import Postgres
package import Sharing

/// The appender's own connection, and how a batch gets through it whatever happens.
///
/// A batch that fails for one request's sake is split until that request is alone. After a COMMIT whose answer was lost,
/// the ledger is asked for the batch's event ids before anybody is answered or anything is tried again.
package actor AppendWorker {
    private let configuration: PostgresConfiguration
    private let settings: SharingSettings
    private let keys: KeyRing
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let patience: Duration
    private let recover: @Sendable () async -> Void
    private let clockWatch = ClockWatch()
    nonisolated let headWatch = HeadWatch()
    nonisolated let metrics = AppendMetrics()
    private nonisolated let executor = ConnectionExecutor(label: "shareledger.append")

    private var connected: (connection: PostgresConnection, runner: BatchRunner)?
    private var recovery: Task<Void, Never>?

    /// Since when there has been no database; `nil` while it answers, whatever it answers.
    private var lostSince: ContinuousClock.Instant?
    private var hasGivenUp = false

    /// The thread of its connection.
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe executor.asUnownedSerialExecutor()
    }

    /// - Parameters:
    ///   - patience: How long requests wait for a lost database to come back before they fail. Those that come later try
    ///     once and fail at once, so that a queue of them is not answered one patience after the other.
    ///   - recover: Called when the connection is lost, to start a private server again; one call at a time. Batches do
    ///     not wait for it longer than `patience`, and ``close()`` cancels it.
    package init(
        configuration: PostgresConfiguration,
        settings: SharingSettings,
        keys: KeyRing,
        logger: Logger,
        patience: Duration = .seconds(3),
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        recover: @escaping @Sendable () async -> Void = {},
    ) {
        var configuration = configuration
        // A process that is stopped in the middle of a batch must not hold the ledger for ever.
        configuration.settings["idle_in_transaction_session_timeout"] = "10s"
        configuration.settings["synchronous_commit"] = "on"
        // A snapshot from before the wait for the lock would not show what was appended meanwhile.
        configuration.settings["default_transaction_isolation"] = "read committed"
        configuration.settings["jit"] = "off"
        // Its statements look single rows up. Planned while a table is small, they would scan it for ever after.
        configuration.settings["plan_cache_mode"] = "force_generic_plan"
        for method in ["seqscan", "hashjoin", "mergejoin", "material"] {
            configuration.settings["enable_\(method)"] = "off"
        }
        self.configuration = configuration
        self.settings = settings
        self.keys = keys
        self.logger = logger
        self.patience = patience
        self.clock = clock
        self.recover = recover
    }

    /// Carries batches out as long as there are any.
    func carryOut(_ next: @Sendable () -> [AppendRequest]?, report: @Sendable (BatchReport) -> Void) async {
        while let batch = next() {
            await carryOut(batch, report: report)
        }
    }

    /// Carries a batch out and answers every request of it.
    private func carryOut(_ batch: [AppendRequest], report: @Sendable (BatchReport) -> Void) async {
        var groups = [batch]
        let deadline = (lostSince ?? .now) + patience
        while let group = groups.popLast() {
            if let loss = headWatch.loss {
                finish(group, .failed(.lostEvents(loss)))
                continue
            }
            let began = ContinuousClock.now
            let outcome = await attempt(group)
            metrics.duration.observe(.now - began)
            note(outcome)
            switch outcome {
            case .committed(let batch):
                metrics.size.observe(Double(group.count))
                report(batch)
                finish(group, .committed)
            case .notInitialized:
                finish(group, .failed(.notInitialized))
            case .lostEvents(let loss):
                let advice =
                    "somebody has deleted the ledger's end or restored an older copy: compare with a backup, then restart"
                let metadata: Logger.Metadata = ["cause": "\(loss)", "advice": "\(advice)"]
                logger.critical("nothing is recorded any more, as the ledger has lost events", metadata: metadata)
                finish(group, .failed(.lostEvents(loss)))
            case .unavailable(let cause):
                logger.error("the database cannot take events now", metadata: ["cause": "\(cause)"])
                finish(group, .failed(.unavailable(cause)))
            case .rejected(let error) where group.count == 1:
                logger.error("the database refuses an event", metadata: ["error": "\(error)"])
                finish(group, .failed(.refused("\(error)")))
            case .rejected:
                groups.append(Array(group[(group.count / 2)...]))
                groups.append(Array(group[..<(group.count / 2)]))
            case .uncertain(let events, let batch):
                await disconnect()
                switch await settle(events) {
                case true?:
                    if let last = batch.events.last { headWatch.see(LedgerHead(last)) }
                    report(batch)
                    finish(group, .committed)
                case false? where ContinuousClock.now < deadline:
                    groups.append(group)
                case false?:
                    finish(group, .failed(.unavailable("the connection was lost before anything was recorded")))
                case nil:
                    let advice = "whether the message was recorded is not known; sending it again is safe"
                    finish(group, .failed(.unavailable(advice)))
                }
            case .conflicted(let error):
                guard ContinuousClock.now < deadline else {
                    logger.error("other transactions stay in the way", metadata: ["error": "\(error)"])
                    finish(group, .failed(.unavailable("\(error)")))
                    continue
                }
                groups.append(group)
            case .lost(let error):
                await disconnect()
                guard ContinuousClock.now < deadline else {
                    giveUp(group, error)
                    continue
                }
                groups.append(group)
                await pause()
            }
        }
    }

    /// Takes note of whether there is a database, and has one that is lost started again.
    private func note(_ outcome: BatchRunner.Outcome) {
        switch outcome {
        case .lost, .uncertain:
            lostSince = lostSince ?? .now
            startRecovery()
        case .committed, .rejected, .unavailable, .conflicted, .notInitialized, .lostEvents:
            lostSince = nil
            guard hasGivenUp else { return }
            hasGivenUp = false
            logger.notice("the database is available again")
        }
    }

    /// Says so once, however many requests fail for it.
    private func giveUp(_ group: [AppendRequest], _ error: PostgresError) {
        if !hasGivenUp { logger.error("the database is not available", metadata: ["error": "\(error)"]) }
        hasGivenUp = true
        finish(group, .failed(.unavailable("\(error)")))
    }

    /// Gives the connection up.
    func close() async {
        recovery?.cancel()
        await recovery?.value
        await disconnect()
    }

    // MARK: Attempts

    private func attempt(_ group: [AppendRequest]) async -> BatchRunner.Outcome {
        do {
            let (connection, runner) = try await connect()
            return try await connection.withSession { session in runner.attempt(group, in: &session) }
        } catch let error as PostgresError {
            return .lost(error)
        } catch {
            return .unavailable("\(error)")
        }
    }

    /// Whether events are in the ledger; `nil` where nobody can say, or could in time.
    ///
    /// Has the whole patience for itself: the answer may have been waited for until the batch's own deadline.
    private func settle(_ events: [EventID]) async -> Bool? {
        guard !events.isEmpty else { return nil }
        let deadline = ContinuousClock.now + patience
        repeat {
            do {
                let (connection, runner) = try await connect()
                return try await connection.withSession { session in try runner.isCommitted(events, in: &session) }
            } catch {
                logger.warning("looking up a batch after a lost connection failed", metadata: ["error": "\(error)"])
                await disconnect()
                await pause()
            }
        } while ContinuousClock.now < deadline
        return nil
    }

    private func finish(_ group: [AppendRequest], _ outcome: AppendOutcome) {
        for request in group {
            request.finish(outcome)
        }
    }

    // MARK: Connection

    private func connect() async throws -> (connection: PostgresConnection, runner: BatchRunner) {
        if let connected { return connected }
        let connection = try await PostgresConnection.open(configuration, on: executor)
        let runner = BatchRunner(
            settings: settings,
            keys: keys,
            clock: clock,
            clockWatch: clockWatch,
            headWatch: headWatch,
        )
        let opened = (connection, runner)
        connected = opened
        return opened
    }

    private func disconnect() async {
        let old = connected
        connected = nil
        await old?.connection.close()
    }

    /// Has a private server started again, if that is not under way.
    ///
    /// It may take minutes to recover; whoever waits for a batch is answered long before, and comes again.
    private func startRecovery() {
        guard recovery == nil else { return }
        recovery = Task {
            await recover()
            recovery = nil
        }
    }

    /// Gives a server that is coming up a moment.
    private func pause() async {
        startRecovery()
        // Cancellation only shortens the pause.
        try? await Task.sleep(for: .milliseconds(100))
    }
}
