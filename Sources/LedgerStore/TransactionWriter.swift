import Ledger
package import Postgres
package import Sharing
import TicketSharing

/// Writes what a transaction holds and commits it, in one round trip if it is small.
///
/// Rows go over as binary arrays of the tables' own row types, one statement a table however many rows there are. A larger
/// batch of events is copied, which is more trips, but spares the server the arrays and fills its pages many rows at a time.
package struct TransactionWriter: Sendable {
    private var events: RowBatch
    private var payloads: RowBatch
    private var tickets: RowBatch
    private let agreementType: CompositeType
    private let partnerType: CompositeType
    private let accessKeyType: CompositeType
    private let idempotencyType: CompositeType

    /// Events from which on they are copied.
    private static let copiedCount = 16

    /// Looks the tables' row types up, once a session.
    package init(in session: inout PostgresSession) throws(PostgresError) {
        events = RowBatch(try session.compositeType("ledger.event"))
        payloads = RowBatch(try session.compositeType("ledger.payload"))
        tickets = RowBatch(try session.compositeType("projection.ticket_head"))
        agreementType = try session.compositeType("projection.agreement")
        partnerType = try session.compositeType("projection.partner")
        accessKeyType = try session.compositeType("ledger.access_key")
        idempotencyType = try session.compositeType("ledger.idempotency_key")
    }

    /// Writes everything and commits.
    ///
    /// - Parameters:
    ///   - opening: Statements that begin the transaction, where it is not begun yet.
    ///   - additional: Statements of the same transaction, which run after the events are there.
    package mutating func commit(
        _ transaction: borrowing SharingTransaction,
        opening: [SQL] = [],
        additional: [SQL],
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        var statements = opening
        let sequencer = transaction.sequencer
        if let (origin, first) = transaction.changes.epoch {
            statements.append(Statements.epoch(Int32(origin.epoch), origin.name, first.position, first.recorded))
        }
        if !sequencer.newStreams.isEmpty {
            statements.append(
                Statements.streams(sequencer.newStreams.map(\.id), sequencer.newStreams.map(\.name.text)),
            )
        }
        if !sequencer.newShares.isEmpty {
            statements.append(
                Statements.shares(
                    sequencer.newShares.map(\.id),
                    sequencer.newShares.map(\.stream),
                    sequencer.newShares.map(\.name.ticket),
                ),
            )
        }
        try fill(sequencer.events)
        if events.count >= Self.copiedCount {
            if !statements.isEmpty { try session.pipeline(statements) }
            statements = []
            try copy(events, into: "event", in: &session)
            try copy(payloads, into: "payload", in: &session)
        } else if events.count > 0 {
            statements += [Statements.events(events), Statements.payloads(payloads)]
        }
        statements += try projectionStatements(transaction)
        statements += try keyStatements(transaction)
        statements += deliveryStatements(transaction)
        statements += additional
        statements.append("COMMIT")
        _ = try session.pipeline(statements)
    }

    // MARK: Ledger

    private mutating func fill(_ sequenced: [SequencedEvent]) throws(PostgresError) {
        events.removeAll()
        payloads.removeAll()
        for event in sequenced {
            try events.appendRow { EventRow.append(event, to: &$0) }
            for part in event.draft.parts {
                try payloads.appendRow { PayloadRow.append(part, of: event, to: &$0) }
            }
        }
    }

    private func copy(
        _ rows: RowBatch,
        into table: String,
        in session: inout PostgresSession,
    ) throws(PostgresError) {
        do {
            try session.copyIn("COPY \(identifier: "ledger", table) FROM STDIN (FORMAT binary)") { writer in
                try writer.write(rows)
            }
        } catch let error as PostgresError {
            throw error
        } catch {
            throw PostgresError(.misuse, "copying into \(table): \(error)")
        }
    }

    private func keyStatements(_ transaction: borrowing SharingTransaction) throws(PostgresError) -> [SQL] {
        var statements: [SQL] = []
        if !transaction.changes.accessKeys.isEmpty {
            var rows = RowBatch(accessKeyType)
            for key in transaction.changes.accessKeys {
                try rows.appendRow { row in
                    row.append(key.stream.rawValue)
                    row.append(Int32(key.version.number))
                    row.append(key.position.rawValue)
                    row.append(key.version.fingerprint)
                    row.append(key.sealed)
                }
            }
            statements.append(Statements.accessKeys(rows))
        }
        if !transaction.changes.idempotency.isEmpty {
            var rows = RowBatch(idempotencyType)
            for (digest, record) in transaction.changes.idempotency {
                try rows.appendRow { row in
                    row.append(digest)
                    row.append(record.requestDigest)
                    row.append(record.receipt.position.rawValue)
                    row.append(record.receipt.event)
                    row.append(Int32(record.status))
                    row.append(record.receipt.recorded)
                }
            }
            statements.append(Statements.idempotencyKeys(rows))
        }
        return statements
    }

    // MARK: Inline projections

    private mutating func projectionStatements(_ transaction: borrowing SharingTransaction) throws(PostgresError)
        -> [SQL]
    {
        var statements: [SQL] = []
        if !transaction.changes.partners.isEmpty {
            var rows = RowBatch(partnerType)
            for id in transaction.changes.partners {
                guard let partner = transaction.partners[id] else { continue }
                try rows.appendRow { PartnerRow.append(partner, to: &$0) }
            }
            statements.append(Statements.partners(rows))
        }
        if !transaction.changes.agreements.isEmpty {
            var rows = RowBatch(agreementType)
            for id in transaction.changes.agreements {
                guard let record = transaction.agreement(id) else { continue }
                try rows.appendRow { AgreementRow.append(record, to: &$0) }
            }
            statements.append(Statements.agreements(rows))
        }
        if !transaction.changes.tickets.isEmpty {
            tickets.removeAll()
            for name in transaction.changes.tickets {
                guard let head = transaction.ticket(name) else { continue }
                try tickets.appendRow { TicketHeadRow.append(head, to: &$0) }
            }
            statements.append(Statements.tickets(tickets))
        }
        return statements
    }

    // MARK: Deliveries

    private func deliveryStatements(_ transaction: borrowing SharingTransaction) -> [SQL] {
        var statements: [SQL] = []
        // First, as it makes the heads of lanes that what follows may be queued in.
        let accepted = transaction.changes.acceptedInvitations
        if transaction.settings.deskURL != nil, !accepted.isEmpty {
            statements.append(
                Statements.deskCatchUp(
                    Destination.desk.rawValue,
                    accepted.map(\.stream),
                    accepted.map(\.acceptance),
                    transaction.now,
                ),
            )
        }
        let deliveries = transaction.changes.deliveries
        if !deliveries.isEmpty {
            statements.append(
                Statements.deliveries(
                    deliveries.map(\.lane.destination.rawValue),
                    deliveries.map(\.lane.stream),
                    deliveries.map(\.lane.share),
                    deliveries.map(\.message.position),
                    deliveries.map(\.message.event),
                    deliveries.map(\.message.recorded),
                    transaction.now,
                ),
            )
        }
        return statements
    }
}

// MARK: - Statements

private enum Statements {
    static let epoch = Statement<Int32, String, Position, Timestamp>(
        "INSERT INTO ledger.epoch (epoch, name, first_position, opened_at) VALUES ($1, $2, $3, $4)"
    )

    static let streams = Statement<[Position], [String]>(
        "INSERT INTO ledger.stream (stream_id, name) SELECT * FROM unnest($1, $2)"
    )

    static let shares = Statement<[Position], [Position], [String]>(
        "INSERT INTO ledger.share (share_id, stream_id, ticket) SELECT * FROM unnest($1, $2, $3)"
    )

    static let events = Statement<RowBatch>("INSERT INTO ledger.event SELECT * FROM unnest($1)")

    static let payloads = Statement<RowBatch>("INSERT INTO ledger.payload SELECT * FROM unnest($1)")

    static let accessKeys = Statement<RowBatch>("INSERT INTO ledger.access_key SELECT * FROM unnest($1)")

    /// A key that was left over from more than seven days ago makes room.
    static let idempotencyKeys = Statement<RowBatch>(
        """
        INSERT INTO ledger.idempotency_key SELECT * FROM unnest($1)
        ON CONFLICT (key_digest) DO UPDATE SET
            request_digest = excluded.request_digest,
            position = excluded.position,
            event_id = excluded.event_id,
            status = excluded.status,
            recorded_at = excluded.recorded_at
        """
    )

    static let partners = Statement<RowBatch>(
        """
        INSERT INTO projection.partner SELECT * FROM unnest($1)
        ON CONFLICT (partner_id) DO UPDATE SET
            name = excluded.name,
            base_url = excluded.base_url,
            url_identity = excluded.url_identity,
            dialect = excluded.dialect,
            state = excluded.state,
            paused = excluded.paused,
            allow_private_address = excluded.allow_private_address,
            allow_http = excluded.allow_http,
            concurrency = excluded.concurrency
        """
    )

    static let agreements = Statement<RowBatch>(
        """
        INSERT INTO projection.agreement SELECT * FROM unnest($1)
        ON CONFLICT (stream_id) DO UPDATE SET
            last_position = excluded.last_position,
            last_recorded_at = excluded.last_recorded_at,
            last_event_id = excluded.last_event_id,
            last_status = excluded.last_status,
            last_digest = excluded.last_digest,
            status = excluded.status,
            deactivated_by = excluded.deactivated_by,
            name = excluded.name,
            sender_url = excluded.sender_url,
            receiver_url = excluded.receiver_url,
            sync_tags = excluded.sync_tags,
            sync_custom_fields = excluded.sync_custom_fields,
            allows_public_comments = excluded.allows_public_comments,
            key_version = excluded.key_version,
            key_fingerprint = excluded.key_fingerprint,
            acknowledged_key_version = excluded.acknowledged_key_version,
            acknowledged_key_fingerprint = excluded.acknowledged_key_fingerprint
        """
    )

    static let tickets = Statement<RowBatch>(
        """
        INSERT INTO projection.ticket_head SELECT * FROM unnest($1)
        ON CONFLICT (share_id) DO UPDATE SET
            last_position = excluded.last_position,
            last_recorded_at = excluded.last_recorded_at,
            last_event_id = excluded.last_event_id,
            last_status = excluded.last_status,
            last_digest = excluded.last_digest,
            shared = excluded.shared,
            status = excluded.status
        """
    )

    /// A row is the head of its lane if the lane was empty and no row before it in this statement is of that lane.
    ///
    /// It is due by the clock, not by its event's time: that is ahead of a clock that was set back. The two conditions on
    /// `share_id` are apart so that each can use the lanes' index, however much is waiting.
    static let deliveries = Statement<[Int64], [Position], [Position?], [Position], [EventID], [Timestamp], Timestamp>(
        """
        INSERT INTO delivery.queue (
            partner_id, stream_id, share_id, queue_position, message_position, message_id, enqueued_at, due_at,
            is_head, is_barrier, kind)
        SELECT d.partner_id, d.stream_id, d.share_id, d.position, d.position, d.event_id, d.recorded_at, $7,
            NOT EXISTS (
                SELECT
                FROM delivery.queue AS q
                WHERE q.partner_id = d.partner_id
                    AND q.stream_id = d.stream_id
                    AND q.share_id = d.share_id
            )
            AND NOT (
                d.share_id IS NULL
                AND EXISTS (
                    SELECT
                    FROM delivery.queue AS q
                    WHERE q.partner_id = d.partner_id
                        AND q.stream_id = d.stream_id
                        AND q.share_id IS NULL
                )
            )
            AND row_number() OVER (PARTITION BY d.partner_id, d.stream_id, d.share_id ORDER BY d.position) = 1,
            d.share_id IS NULL,
            'message'
        FROM unnest($1, $2, $3, $4, $5, $6)
            AS d (partner_id, stream_id, share_id, position, event_id, recorded_at)
        """
    )

    /// Enqueues for the desk what was said under invitations before they were accepted.
    static let deskCatchUp = Statement<Int64, [Position], [Position], Timestamp>(
        """
        INSERT INTO delivery.queue (
            partner_id, stream_id, share_id, queue_position, message_position, message_id, enqueued_at, due_at,
            is_head, is_barrier, kind)
        SELECT $1, e.stream_id, NULL, e.position, e.position, e.event_id, $4, $4,
            row_number() OVER (PARTITION BY e.stream_id ORDER BY e.position) = 1,
            true,
            'message'
        FROM unnest($2, $3) AS accepted (stream_id, acceptance)
        JOIN ledger.event AS e ON e.stream_id = accepted.stream_id AND e.position < accepted.acceptance
        WHERE e.direction = 'in'
            AND e.type IN ('agreement.invited', 'agreement.updated')
        """
    )
}
