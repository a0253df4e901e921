package import Ledger
package import Logging
package import Postgres
package import Sharing

/// One process's access to the ledger: the appender, and sessions to read with.
package final class Store: Sendable {
    package let appender: Appender
    package let keys: KeyRing
    package let settings: SharingSettings

    /// As the service's role: reads everything, writes what the service may.
    package let pool: PostgresPool

    /// Told of every committed batch.
    package let commits: CommitSignal

    private let poolTask: Task<Void, Never>

    /// - Parameter recover: Called when the appender has lost its connection.
    package init(
        configuration: PostgresConfiguration,
        settings: SharingSettings,
        keys: KeyRing,
        logger: Logger,
        limits: Appender.Limits = Appender.Limits(),
        poolSize: Int = 6,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        recover: @escaping @Sendable () async -> Void = {},
    ) {
        let commits = CommitSignal()
        self.commits = commits
        self.keys = keys
        self.settings = settings
        let pool = PostgresPool(configuration, limits: PoolLimits(maximumConnections: poolSize))
        self.pool = pool
        poolTask = Task { await pool.run() }
        appender = Appender(
            worker: AppendWorker(
                configuration: configuration,
                settings: settings,
                keys: keys,
                logger: logger.labeled("append"),
                clock: clock,
                recover: recover,
            ),
            limits: limits,
            onCommit: { commits.send($0) },
        )
    }

    /// Runs `body` on a session of the pool.
    package func read<Result: Sendable>(
        _ body: sending (inout PostgresSession) throws -> Result,
    ) async throws -> Result {
        try await pool.withSession(body)
    }

    /// Answers what waits, then gives all connections up.
    package func close() async {
        await appender.close()
        await pool.close()
        poolTask.cancel()
    }
}
