import Cryptography
import Ledger
import Postgres
import Sharing
import Synchronization

/// Carries batches out on one session, and keeps what can be kept from one to the next.
final class BatchRunner: Sendable {
    private struct Kept {
        var loader = StateLoader()
        var writer: TransactionWriter?
        var partitionLimit: Position?
    }

    /// What became of a batch.
    enum Outcome: Sendable {
        case committed(BatchReport)
        /// The server refuses the batch; nothing of it is in the ledger.
        case rejected(PostgresError)
        /// The server cannot take anything now; nothing of it is in the ledger.
        case unavailable(String)
        /// The connection died before COMMIT was sent; nothing of it is in the ledger.
        case lost(PostgresError)
        /// Another transaction was in the way; nothing of it is in the ledger, and the same may succeed at once.
        case conflicted(PostgresError)
        /// The connection died while COMMIT was under way: the events may be in the ledger.
        case uncertain([EventID], BatchReport)
        case notInitialized
        /// The ledger has lost what was committed, as said; nothing of the batch is in it.
        case lostEvents(String)
    }

    private let settings: SharingSettings
    private let keys: KeyRing
    private let clock: @Sendable () -> Timestamp
    private let clockWatch: ClockWatch
    private let headWatch: HeadWatch
    private let kept = Mutex(Kept())

    init(
        settings: SharingSettings,
        keys: KeyRing,
        clock: @escaping @Sendable () -> Timestamp,
        clockWatch: ClockWatch,
        headWatch: HeadWatch,
    ) {
        self.settings = settings
        self.keys = keys
        self.clock = clock
        self.clockWatch = clockWatch
        self.headWatch = headWatch
    }

    /// One transaction for all of `requests`.
    func attempt(_ requests: [AppendRequest], in session: inout PostgresSession) -> Outcome {
        kept.withLock { kept in
            do throws(PostgresError) {
                try prepare(&kept, in: &session)
                return try commit(requests, &kept, in: &session)
            } catch {
                kept.loader.forget()
                return failed(error, in: &session)
            }
        }
    }

    /// Whether events whose COMMIT got no answer are in the ledger.
    ///
    /// Takes the ledger's lock first: the lost transaction holds it until it has ended one way or the other.
    func isCommitted(_ events: [EventID], in session: inout PostgresSession) throws(PostgresError) -> Bool {
        let found = try session.pipeline([
            "BEGIN",
            "SELECT pg_advisory_xact_lock(\(StateLoader.lockKey))",
            "SELECT count(*) FROM ledger.event WHERE event_id = ANY (\(events))",
            "COMMIT",
        ])
        return try found[2].onlyRow()[0, as: Int64.self] > 0
    }

    // MARK: Steps

    private func prepare(_ kept: inout Kept, in session: inout PostgresSession) throws(PostgresError) {
        if kept.writer == nil {
            kept.writer = try TransactionWriter(in: &session)
        }
        if kept.partitionLimit == nil {
            let head = try session.query("SELECT coalesce(max(position), 0) FROM ledger.event").onlyRow()
            try extendPartitions(to: try head[0, as: Position.self], &kept, in: &session)
        }
    }

    private func extendPartitions(
        to position: Position,
        _ kept: inout Kept,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        let limit = try session.query("SELECT ledger.ensure_partitions(\(position.rawValue))").onlyRow()
        kept.partitionLimit = try limit[0, as: Position.self]
    }

    private func commit(
        _ requests: [AppendRequest],
        _ kept: inout Kept,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Outcome {
        var needs = StateKeys()
        for request in requests {
            needs.formUnion(request.keys)
        }
        let expected = kept.loader.expect(needs)
        let seen = headWatch.seen
        let loaded =
            if let expected { expected.loaded } else { try kept.loader.begin(needs, seen: seen, in: &session) }
        guard expected != nil || loaded.holds(seen) else {
            _ = try session.execute("ROLLBACK")
            return .lostEvents(headWatch.lose(endingAt: loaded.head))
        }
        guard let origin = loaded.origin else {
            _ = try session.execute("ROLLBACK")
            return .notInitialized
        }
        var transaction = SharingTransaction(
            settings: settings,
            keys: keys,
            now: clock(),
            sequencer: EventSequencer(
                origin: origin,
                after: loaded.head,
                streams: loaded.streams,
                shares: loaded.shares,
            ),
            state: loaded.state,
        )
        if let last = loaded.head?.recorded, clockWatch.noticesStep(to: transaction.now, from: last) {
            transaction.recordClockStep(from: last)
        }
        for request in requests {
            request.run(&transaction)
        }
        let events = transaction.sequencer.events
        let report = BatchReport(
            requestCount: requests.count,
            events: events,
            messages: transaction.changes.messages,
            next: events.last?.position.next ?? loaded.head?.position.next ?? .first,
            hasDeliveries: !transaction.changes.deliveries.isEmpty || !transaction.changes.acceptedInvitations.isEmpty,
        )
        if let limit = kept.partitionLimit, report.next >= limit {
            try extendPartitions(to: report.next, &kept, in: &session)
        }
        let additional = requests.flatMap { $0.additional() }
        do throws(PostgresError) {
            try kept.writer?.commit(
                transaction,
                opening: expected?.opening ?? [],
                additional: additional,
                in: &session,
            )
        } catch {
            // What the server has answered with an error it has not committed.
            guard error.outcome == .unknown, session.isBroken || error.isConnectionLoss else { throw error }
            guard !events.isEmpty || !additional.isEmpty else { throw error }
            kept.loader.forget()
            return .uncertain(events.map(\.leaf.event), report)
        }
        kept.loader.committed(needs, transaction, loaded)
        if let head = events.last.map(LedgerHead.init) ?? loaded.head { headWatch.see(head) }
        if let last = loaded.head?.recorded { clockWatch.committed(at: transaction.now, after: last) }
        return .committed(report)
    }

    private func failed(_ error: PostgresError, in session: inout PostgresSession) -> Outcome {
        if error.isConnectionLoss || session.isBroken || error.kind == .deadline { return .lost(error) }
        do throws(PostgresError) {
            if !session.isClean { _ = try session.execute("ROLLBACK") }
        } catch {
            return .lost(error)
        }
        switch error.code {
        case SQLState.serializationFailure, .deadlockDetected, .lockNotAvailable: return .conflicted(error)
        default: break
        }
        // Classes 22, 23, 54 and our own are about the rows; anything else is about the server and may pass.
        let isAboutRows = error.code.map { ["22", "23", "54", "SL"].contains($0.errorClass) } ?? false
        return isAboutRows ? .rejected(error) : .unavailable("\(error)")
    }
}
