import Cryptography
package import Ledger
package import Postgres
package import Sharing
import TicketSharing

/// Loads what a transaction needs, in statements after the one that takes the ledger's lock.
///
/// Under READ COMMITTED each statement has a snapshot of its own; loaded in the statement that waits for the lock, the
/// state would be the one from before the wait.
package struct StateLoader: Sendable {
    /// The advisory lock under which the ledger grows: `shareledg` in ASCII, as a number.
    package static let lockKey: Int64 = 0x7368_6172_656c_6467

    /// Partners change rarely, and every change is an event of the stream `system`: as long as that has not grown, they
    /// need not be read again.
    private var partners: (directory: PartnerDirectory, systemSequence: Int64?)?

    package init() {}

    /// What was loaded.
    package struct Loaded: Sendable {
        package var head: LedgerHead?
        package var origin: Origin?
        package var streams: [StreamName: ChainHead?] = [:]
        package var shares: [ShareName: ChainHead?] = [:]
        package var state = SharingTransaction.State()
    }

    /// Begins a transaction, takes the lock and loads; one round trip, and one more where partners have changed.
    package mutating func begin(
        _ keys: StateKeys,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> Loaded {
        let streams = Array(
            keys.streams.union(keys.agreements.map { StreamName.agreement($0.text) }).union([.system, .unattributed]),
        )
        let shares = Array(keys.shares)
        let agreements = keys.agreements.map(\.text)
        let digests = Array(keys.idempotencyDigests)
        var statements: [SQL] = [
            "BEGIN",
            Statements.lock(Self.lockKey),
            Statements.head,
            Statements.streams(streams.map(\.text)),
        ]
        if !agreements.isEmpty { statements.append(Statements.agreements(agreements)) }
        if !shares.isEmpty { statements.append(Statements.shares(shares.map(\.stream.text), shares.map(\.ticket))) }
        if !digests.isEmpty { statements.append(Statements.idempotency(digests)) }
        if keys.needsPendingInvitations { statements.append(Statements.pendingInvitations) }
        if !keys.deliveries.isEmpty { statements.append(Statements.deliveries(keys.deliveries.map(\.rawValue))) }
        if !keys.replays.isEmpty { statements.append(Statements.replays(Array(keys.replays))) }
        let watches = Array(keys.watches)
        statements += watches.map(Self.changes)
        var results = try session.pipeline(statements)[2...]
        var loaded = Loaded()
        for name in streams { loaded.streams[name] = .some(nil) }
        for name in shares { loaded.shares[name] = .some(nil) }
        try read(head: results.removeFirst(), into: &loaded)
        try read(streams: results.removeFirst(), into: &loaded)
        if !agreements.isEmpty { try read(agreements: results.removeFirst(), into: &loaded) }
        if !shares.isEmpty { try read(shares: results.removeFirst(), into: &loaded) }
        if !digests.isEmpty { try read(idempotency: results.removeFirst(), into: &loaded) }
        if keys.needsPendingInvitations { try read(invitations: results.removeFirst(), into: &loaded) }
        if !keys.deliveries.isEmpty { try read(deliveries: results.removeFirst(), into: &loaded) }
        if !keys.replays.isEmpty { try read(replays: results.removeFirst(), into: &loaded) }
        for watch in watches {
            loaded.state.watched[watch] = try Self.changes(results.removeFirst())
        }
        loaded.state.partners = try currentPartners(loaded, in: &session)
        return loaded
    }

    /// Forgets what was kept from one transaction to the next.
    package mutating func forget() {
        partners = nil
    }

    private mutating func currentPartners(
        _ loaded: Loaded,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> PartnerDirectory {
        let sequence = (loaded.streams[.system] ?? nil)?.next.sequence
        if let partners, partners.systemSequence == sequence { return partners.directory }
        let directory = PartnerDirectory(try PartnerRow.all(in: &session))
        partners = (directory, sequence)
        return directory
    }
}

// MARK: - Statements

private enum Statements {
    static let lock = Statement<Int64>("SELECT pg_advisory_xact_lock($1)")

    static let head: SQL =
        """
        SELECT e.position, e.recorded_at, o.name, o.epoch
        FROM ledger.epoch AS o
        LEFT JOIN LATERAL (
            SELECT position, recorded_at
            FROM ledger.event
            ORDER BY position DESC
            LIMIT 1
        ) AS e ON true
        ORDER BY o.epoch DESC
        LIMIT 1
        """

    static let streams = Statement<[String]>(
        """
        SELECT s.name, s.stream_id, h.stream_seq, h.leaf_hash
        FROM unnest($1) AS wanted (name)
        JOIN ledger.stream AS s ON s.name = wanted.name
        CROSS JOIN LATERAL (
            SELECT e.stream_seq, e.leaf_hash
            FROM ledger.event AS e
            WHERE e.stream_id = s.stream_id
            ORDER BY e.stream_seq DESC
            LIMIT 1
        ) AS h
        """
    )

    static func agreements(_ identifiers: [String]) -> SQL {
        """
        SELECT \(unescaped: AgreementRow.columns),
            EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.message_position = a.last_position
                    AND q.state = 'parked'
            )
        FROM projection.agreement AS a
        WHERE a.agreement = ANY (\(identifiers))
        """
    }

    /// `OFFSET 0` keeps the share's lookup apart from the join, so that both columns of its index are used: before a new
    /// ledger's first ANALYZE the planner would read all shares of the stream.
    static let shares = Statement<[String], [String]>(
        """
        SELECT wanted.stream, wanted.ticket, sh.share_id, h.share_seq, h.leaf_hash,
            t.shared, t.status, t.last_position, t.last_event_id, t.last_recorded_at, t.last_status, t.last_digest,
            EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.message_position = t.last_position
                    AND q.state = 'parked'
            ),
            sh.share_id IS NULL AND EXISTS (
                SELECT
                FROM ledger.share AS other
                WHERE other.ticket = wanted.ticket
            )
        FROM unnest($1, $2) AS wanted (stream, ticket)
        LEFT JOIN ledger.stream AS s ON s.name = wanted.stream
        LEFT JOIN LATERAL (
            SELECT sh.share_id
            FROM ledger.share AS sh
            WHERE sh.stream_id = s.stream_id
                AND sh.ticket = wanted.ticket
            OFFSET 0
        ) AS sh ON true
        LEFT JOIN LATERAL (
            SELECT e.share_seq, e.leaf_hash
            FROM ledger.event AS e
            WHERE e.share_id = sh.share_id
            ORDER BY e.share_seq DESC
            LIMIT 1
        ) AS h ON true
        LEFT JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
        """
    )

    static let idempotency = Statement<[Digest]>(
        """
        SELECT key_digest, position, event_id, recorded_at, status, request_digest
        FROM ledger.idempotency_key
        WHERE key_digest = ANY ($1)
            AND recorded_at > now() - interval '7 days'
        """
    )

    static let pendingInvitations: SQL =
        """
        SELECT invited_from, count(*)
        FROM projection.agreement
        WHERE status = 'pending'
            AND our_role = 'receiver'
        GROUP BY invited_from
        """

    /// Locks what it reads, in order: heartbeats and claims change the same rows without the ledger's lock.
    static let deliveries = Statement<[Int64]>(
        """
        SELECT delivery_id, claim, exchange, attempts, tries
        FROM delivery.queue
        WHERE delivery_id = ANY ($1)
        ORDER BY delivery_id
        FOR UPDATE
        """
    )

    static let replays = Statement<[Position]>(
        """
        SELECT r.replay_id, r.item_count, r.delivered_count,
            r.finished_at IS NULL AND NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.replay_id = r.replay_id
            )
        FROM delivery.replay AS r
        WHERE r.replay_id = ANY ($1)
        """
    )
}

// MARK: - Reading

extension StateLoader {
    private func read(head rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        guard let row = rows.first else { return }
        let (position, recorded, name, epoch) = try row.decode((Position?, Timestamp?, String, Int32).self)
        if let position, let recorded { loaded.head = LedgerHead(position: position, recorded: recorded) }
        loaded.origin = Origin(name: name, epoch: Int(epoch))
    }

    private func read(streams rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let (text, id, sequence, hash) = try row.decode((String, Position, Int64, Digest).self)
            guard let name = StreamName(text) else { continue }
            loaded.streams[name] = ChainHead(id: id, next: ChainLink(sequence: sequence + 1, previous: hash))
        }
    }

    private func read(agreements rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let record = try AgreementRow.record(row)
            loaded.state.agreements[record.agreement.id] = record
            if try row[AgreementRow.columnCount, as: Bool.self] {
                loaded.state.stuckMessages.insert(record.last.receipt.position)
            }
        }
    }

    private func read(shares rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            guard let stream = StreamName(try row[0, as: String.self]) else { continue }
            let name = ShareName(stream: stream, ticket: try row[1, as: String.self])
            if let id = try row[2, as: Position?.self], let sequence = try row[3, as: Int64?.self] {
                let link = ChainLink(sequence: sequence + 1, previous: try row[4, as: Digest.self])
                loaded.shares[name] = ChainHead(id: id, next: link)
                if let isShared = try row[5, as: Bool?.self] {
                    let last = try LastMessage(row, at: 7)
                    let status = try row[6, as: String?.self]
                    loaded.state.tickets[name] = TicketHead(share: id, isShared: isShared, status: status, last: last)
                    if try row[12, as: Bool.self] { loaded.state.stuckMessages.insert(last.receipt.position) }
                }
            }
            if try row[13, as: Bool.self] { loaded.state.foreignShares.insert(name) }
        }
    }

    private func read(idempotency rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let (digest, position, event, recorded, status, request) =
                try row.decode((Digest, Position, EventID, Timestamp, Int32, Digest).self)
            loaded.state.idempotency[digest] = IdempotencyRecord(
                receipt: Receipt(position: position, event: event, recorded: recorded),
                status: Int(status),
                requestDigest: request,
            )
        }
    }

    private func read(invitations rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        let counts = try rows.decode((String?, Int64).self)
        loaded.state.pendingInvitations = PendingInvitations(
            total: counts.reduce(0) { $0 + Int($1.1) },
            bySource: Dictionary(counts.map { ($0.0 ?? "", Int($0.1)) }, uniquingKeysWith: +),
        )
    }
}

extension StateLoader {
    private func read(deliveries rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let (id, claim, exchange, attempts, tries) =
                try row.decode((Int64, EventID?, EventID?, Int32, Int32).self)
            let record = DeliveryRecord(
                id: DeliveryID(rawValue: id),
                claim: claim,
                exchange: exchange,
                attempts: Int(attempts),
                tries: Int(tries),
            )
            loaded.state.deliveries[record.id] = record
        }
    }

    private func read(replays rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let (id, items, delivered, isToBeFinished) = try row.decode((Position, Int32, Int32, Bool).self)
            loaded.state.replays[id] = ReplayRecord(
                id: id,
                itemCount: Int(items),
                deliveredCount: Int(delivered),
                isToBeFinished: isToBeFinished,
            )
        }
    }
}

extension LastMessage {
    /// Reads position, event id, time, status and digest from five columns in this order.
    init(_ row: Row, at column: Int) throws(PostgresError) {
        self.init(
            receipt: Receipt(
                position: try row[column, as: Position.self],
                event: try row[column + 1, as: EventID.self],
                recorded: try row[column + 2, as: Timestamp.self],
            ),
            status: Int(try row[column + 3, as: Int32.self]),
            digest: try row[column + 4, as: Digest.self],
        )
    }
}
