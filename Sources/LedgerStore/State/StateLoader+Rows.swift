import Cryptography
import Ledger
import Postgres
import Sharing
import TicketSharing

// Rows of the statements that load state, decoded.
extension StateLoader {
    func read(head rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        guard let row = rows.first else { return }
        let (position, recorded, name, epoch, version, seen) =
            try row.decode((Position?, Timestamp?, String, Int32, Int64, Timestamp?).self)
        loaded.inlineVersion = version
        loaded.seenRecorded = seen
        if let position, let recorded { loaded.head = LedgerHead(position: position, recorded: recorded) }
        loaded.origin = Origin(name: name, epoch: Int(epoch))
    }

    func read(streams rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let (text, id, sequence, hash) = try row.decode((String, Position, Int64, Digest).self)
            guard let name = StreamName(text) else { continue }
            loaded.streams[name] = ChainHead(id: id, next: ChainLink(sequence: sequence + 1, previous: hash))
        }
    }

    func read(agreements rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let record = try AgreementRow.record(row)
            loaded.state.agreements[record.agreement.id] = record
            if try row[AgreementRow.columnCount, as: Bool.self] {
                loaded.state.stuckMessages.insert(record.last.receipt.position)
            }
        }
    }

    func read(shares rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
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

    func read(idempotency rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
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

    func read(invitations rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        let counts = try rows.decode((String?, Int64).self)
        loaded.state.pendingInvitations = PendingInvitations(
            total: counts.reduce(0) { $0 + Int($1.1) },
            bySource: Dictionary(counts.map { ($0.0 ?? "", Int($0.1)) }, uniquingKeysWith: +),
        )
    }
}

extension StateLoader {
    func read(deliveries rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
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

    func read(replays rows: Rows, into loaded: inout Loaded) throws(PostgresError) {
        for row in rows {
            let id = try row[0, as: Position.self]
            loaded.state.replays[id] = ReplayRecord(
                id: id,
                itemCount: Int(try row[1, as: Int32.self]),
                deliveredCount: Int(try row[2, as: Int32.self]),
                state: try row.known(3),
                isToBeFinished: try row[4, as: Bool.self],
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
