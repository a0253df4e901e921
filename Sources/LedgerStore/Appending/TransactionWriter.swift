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
            statements.append(WriteStatements.epoch(Int32(origin.epoch), origin.name, first.position, first.recorded))
        }
        if !sequencer.newStreams.isEmpty {
            statements.append(
                WriteStatements.streams(sequencer.newStreams.map(\.id), sequencer.newStreams.map(\.name.text)),
            )
        }
        if !sequencer.newShares.isEmpty {
            statements.append(
                WriteStatements.shares(
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
            statements += [WriteStatements.events(events), WriteStatements.payloads(payloads)]
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
            statements.append(WriteStatements.accessKeys(rows))
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
            statements.append(WriteStatements.idempotencyKeys(rows))
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
            statements.append(WriteStatements.partners(rows))
        }
        if !transaction.changes.agreements.isEmpty {
            var rows = RowBatch(agreementType)
            for id in transaction.changes.agreements {
                guard let record = transaction.agreement(id) else { continue }
                try rows.appendRow { AgreementRow.append(record, to: &$0) }
            }
            statements.append(WriteStatements.agreements(rows))
        }
        if !transaction.changes.tickets.isEmpty {
            tickets.removeAll()
            for name in transaction.changes.tickets {
                guard let head = transaction.ticket(name) else { continue }
                try tickets.appendRow { TicketHeadRow.append(head, to: &$0) }
            }
            statements.append(WriteStatements.tickets(tickets))
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
                WriteStatements.deskCatchUp(
                    Destination.desk.rawValue,
                    accepted.map(\.stream),
                    accepted.map(\.acceptance),
                    transaction.now,
                ),
            )
        }
        let superseded = transaction.changes.supersededInvitations
        if !superseded.isEmpty {
            statements.append(
                WriteStatements.endParking(superseded.map(\.stream), superseded.map(\.invitation), transaction.now)
            )
        }
        let deliveries = transaction.changes.deliveries
        if !deliveries.isEmpty {
            statements.append(
                WriteStatements.deliveries(
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
        let destinations = transaction.changes.destinations.map { transaction.destination($0) }
        if !destinations.isEmpty { statements.append(DestinationRow.write(destinations)) }
        if !transaction.changes.due.isEmpty {
            statements.append(WriteStatements.due(transaction.changes.due.map(\.rawValue), transaction.now))
        }
        if !transaction.changes.hurried.isEmpty {
            let hurried = transaction.changes.hurried.map(\.rawValue)
            statements.append(WriteStatements.hurry(hurried, transaction.now))
        }
        return statements
    }
}
