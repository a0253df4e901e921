import CLibPQ

/// One connection to PostgreSQL, used by one thread at a time; every call blocks until its answer or its deadline.
///
/// Statements are bound in binary form, prepared on their second use, and all of them can be cancelled: by their deadline or
/// by ``interrupt``. A statement that does not end within ``PostgresConfiguration/cancelGrace`` of that costs the connection.
/// Closed when it is dropped. Async code uses ``PostgresConnection`` and ``PostgresPool`` instead.
@safe package struct PostgresSession: ~Copyable {
    var handle: ConnectionHandle
    let configuration: PostgresConfiguration
    let canceller: Canceller
    private let noticeReceiver: NoticeReceiver

    /// Stops what the session is doing, from any thread.
    package let interrupt: SessionInterrupt

    var statements: StatementCache
    var compositeTypes: [String: CompositeType]

    /// The pipeline whose answers are still to be read, by its number.
    var unreadPipeline: UInt64?
    var pipelineCount: UInt64

    private var isGivenUp: Bool

    /// Connects, and returns when the server is ready for statements.
    ///
    /// Throws ``PostgresError`` of kind `connection`, `deadline`, `cancelled` or `misuse`. Looking up a host's name is the
    /// one thing that cannot be interrupted.
    /// A function and no initialiser, as one cannot throw half-way through a noncopyable value.
    package static func open(
        _ configuration: PostgresConfiguration,
        interrupt: SessionInterrupt? = nil,
    ) throws(PostgresError) -> PostgresSession {
        let interrupt = if let interrupt { interrupt } else { try SessionInterrupt() }
        guard let handle = ConnectionHandle(starting: try configuration.options()) else {
            throw PostgresError(.connection, "out of memory")
        }
        let noticeReceiver = NoticeReceiver(configuration.onNotice)
        noticeReceiver.attach(to: handle)
        let wait = Wait(limit: configuration.connectTimeout)
        try connect(handle, interrupt, until: wait.deadline)
        guard handle.setNonBlocking(), let canceller = handle.makeCanceller() else {
            throw PostgresError(.connection, handle.errorMessage)
        }
        var session = PostgresSession(
            handle: handle,
            configuration: configuration,
            canceller: canceller,
            noticeReceiver: noticeReceiver,
            interrupt: interrupt,
        )
        try session.apply(configuration.settings, within: wait.remaining)
        return session
    }

    private init(
        handle: consuming ConnectionHandle,
        configuration: PostgresConfiguration,
        canceller: Canceller,
        noticeReceiver: NoticeReceiver,
        interrupt: SessionInterrupt,
    ) {
        self.handle = handle
        self.configuration = configuration
        self.canceller = canceller
        self.noticeReceiver = noticeReceiver
        self.interrupt = interrupt
        statements = StatementCache(limit: configuration.preparedStatementLimit)
        compositeTypes = [:]
        unreadPipeline = nil
        pipelineCount = 0
        isGivenUp = false
    }

    private static func connect(
        _ handle: borrowing ConnectionHandle,
        _ interrupt: SessionInterrupt,
        until deadline: ContinuousClock.Instant,
    ) throws(PostgresError) {
        var needsWrite = true
        while !handle.isBad {
            switch Readiness.await(
                handle.socket,
                interrupt,
                reading: !needsWrite,
                writing: needsWrite,
                until: deadline
            )
            {
            case .ready: break
            case .timedOut: throw PostgresError(.deadline, "no connection in the time allowed")
            case .interrupted: throw PostgresError(.cancelled, "connecting was cancelled")
            case .failed(let number): throw PostgresError(.connection, "poll failed: errno \(number)")
            }
            switch handle.pollConnecting() {
            case PGRES_POLLING_OK: return
            case PGRES_POLLING_READING: needsWrite = false
            case PGRES_POLLING_WRITING: needsWrite = true
            default: throw PostgresError(.connection, handle.errorMessage)
            }
        }
        throw PostgresError(.connection, handle.errorMessage)
    }

    private mutating func apply(_ settings: [String: String], within limit: Duration) throws(PostgresError) {
        guard !settings.isEmpty else { return }
        let names = Array(settings.keys)
        let values = names.map { settings[$0] ?? "" }
        _ = try query(
            """
            SELECT pg_catalog.set_config(s.name, s.value, false)
            FROM unnest(\(names), \(values)) AS s (name, value)
            """,
            within: limit
        )
    }
}

// MARK: - State

extension PostgresSession {
    /// The connection is lost, or in a state from which there is no way back; nothing but closing is possible.
    package var isBroken: Bool {
        isGivenUp || handle.isBad
    }

    mutating func giveUp() {
        isGivenUp = true
    }

    /// Where the session stands between statements.
    package enum TransactionState: Sendable, Hashable {
        /// Outside a transaction.
        case idle
        /// In one.
        case open
        /// In one that can only be rolled back.
        case failed
        /// The connection is lost, or answers are outstanding.
        case unknown
    }

    /// As the server last said.
    package var transactionState: TransactionState {
        switch handle.transactionStatus {
        case PQTRANS_IDLE: .idle
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .unknown
        }
    }

    /// Whether the session could be handed to somebody else as it is.
    package var isClean: Bool {
        !isBroken && unreadPipeline == nil && transactionState == .idle
    }

    /// The server's version.
    package var serverVersion: PostgresVersion {
        PostgresVersion(number: Int(handle.serverVersion))
    }

    /// The process that serves this session, as in `pg_stat_activity.pid`.
    package var backendProcessID: Int32 {
        handle.backendProcessID
    }
}

/// A version of PostgreSQL's, 10 or later: `15.18`.
package struct PostgresVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// As in 15.
    package let major: Int
    /// The patch level.
    package let minor: Int

    /// For comparisons.
    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From the form 150018.
    init(number: Int) {
        self.init(major: number / 10000, minor: number % 10000)
    }

    package static func < (lhs: PostgresVersion, rhs: PostgresVersion) -> Bool {
        (lhs.major, lhs.minor) < (rhs.major, rhs.minor)
    }

    package var description: String {
        "\(major).\(minor)"
    }
}

// MARK: - Statements

extension PostgresSession {
    /// Runs one statement and returns how many rows it affected.
    ///
    /// Outside a transaction it commits by itself. Throws ``PostgresError``; nil as limit means
    /// ``PostgresConfiguration/statementTimeout``.
    @discardableResult
    package mutating func execute(_ sql: SQL, within limit: Duration? = nil) throws(PostgresError) -> Int {
        try query(sql, within: limit).affectedRowCount
    }

    /// Runs one statement and returns all of its rows; for results without a bound there is ``forEachRow(_:fetchSize:within:_:)``.
    package mutating func query(_ sql: SQL, within limit: Duration? = nil) throws(PostgresError) -> Rows {
        var wait = Wait(limit: limit ?? configuration.statementTimeout)
        do throws(PostgresError) {
            return try runAlone(sql, &wait)
        } catch  where error.isStaleStatement && transactionState == .idle && !isBroken {
            // The statement was refused before it ran, and no transaction of the caller's is lost: once more is safe.
            return try runAlone(sql, &wait)
        }
    }

    private mutating func runAlone(_ sql: SQL, _ wait: inout Wait) throws(PostgresError) -> Rows {
        var exchange = try send([sql], &wait)
        do throws(PostgresError) {
            let answers = try receive(&exchange, &wait)
            return answers[0]
        } catch {
            var error = error
            error.statementIndex = nil
            throw error
        }
    }

    /// Runs statements in order with one trip to the server, and returns one answer for each.
    ///
    /// Outside a transaction they are one transaction, unless they say otherwise themselves. The first that fails stops the
    /// rest; ``PostgresError/statementIndex`` says which it was.
    @discardableResult
    package mutating func pipeline(_ statements: [SQL], within limit: Duration? = nil) throws(PostgresError) -> [Rows] {
        var wait = Wait(limit: limit ?? configuration.statementTimeout)
        var exchange = try send(statements, &wait)
        return try receive(&exchange, &wait)
    }
}

extension PostgresError {
    /// The server no longer has, or can no longer use, a statement that we had prepared.
    var isStaleStatement: Bool {
        report?.isStalePlan == true || code == .invalidStatementName
    }
}
