/// The bounds of a pool.
package struct PoolLimits: Sendable {
    /// Connections that exist at a time, those being made included.
    package var maximumConnections: Int

    /// Who comes when so many wait already is refused at once.
    package var maximumWaiters: Int

    /// How long to wait for a connection where the caller does not say.
    package var leaseTimeout: Duration

    /// A connection that was idle for longer is tried before it is lent.
    package var checkAfter: Duration

    /// A connection that was idle for longer is closed.
    package var closeAfter: Duration

    /// The first pause after a failed attempt to connect; it doubles with each further one.
    package var firstPause: Duration

    /// The pause grows no longer than this.
    package var longestPause: Duration

    /// Defaults for a service with a PostgreSQL of its own.
    package init(
        maximumConnections: Int = 8,
        maximumWaiters: Int = 1000,
        leaseTimeout: Duration = .seconds(10),
        checkAfter: Duration = .seconds(30),
        closeAfter: Duration = .seconds(600),
        firstPause: Duration = .milliseconds(100),
        longestPause: Duration = .seconds(15),
    ) {
        precondition(maximumConnections > 0, "a pool has connections")
        self.maximumConnections = maximumConnections
        self.maximumWaiters = maximumWaiters
        self.leaseTimeout = leaseTimeout
        self.checkAfter = checkAfter
        self.closeAfter = closeAfter
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// From half of the doubled pause up to the whole, by `jitter` from 0 up to 1.
    package func pause(afterFailures failures: Int, jitter: Double) -> Duration {
        var pause = firstPause
        for _ in 1..<max(2, min(failures, 64)) where failures > 1 && pause < longestPause {
            pause *= 2
        }
        return min(pause, longestPause) * (0.5 + jitter / 2)
    }
}
