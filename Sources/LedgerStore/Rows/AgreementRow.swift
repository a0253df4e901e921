import Cryptography
import Ledger
package import Postgres
package import Sharing
package import TicketSharing

/// Rows of `projection.agreement`, both ways.
enum AgreementRow {
    /// The columns that ``record(_:)`` reads, of `projection.agreement AS a`.
    static let columns = """
        a.agreement, a.stream_id, a.partner_id, a.our_role, a.status, a.deactivated_by, a.name,
        a.sender_url, a.receiver_url, a.sync_tags, a.sync_custom_fields, a.allows_public_comments,
        a.key_version, a.key_fingerprint, a.acknowledged_key_version, a.acknowledged_key_fingerprint,
        a.invited_from, a.first_position, a.last_position, a.last_event_id, a.last_recorded_at, a.last_status,
        a.last_digest
        """

    /// Number of ``columns``.
    static let columnCount = 23

    /// Reads ``columns``.
    static func record(_ row: Row) throws(PostgresError) -> AgreementRecord {
        AgreementRecord(
            stream: try row[1, as: Position.self],
            partner: try row[2, as: Position.self],
            ourRole: try row.known(3),
            agreement: Agreement(
                id: try row.identifier(0),
                name: try row[6, as: String?.self],
                senderURL: try row.url(7),
                receiverURL: try row.url(8),
                status: try row.known(4),
                deactivatedBy: row.isNull(5) ? nil : try row.known(5),
                permissions: Agreement.Permissions(
                    syncsTags: try row[9, as: Bool.self],
                    syncsCustomFields: try row[10, as: Bool.self],
                    allowsPublicComments: try row[11, as: Bool.self],
                ),
            ),
            key: try key(row, at: 12),
            acknowledgedKey: try key(row, at: 14),
            invitedFrom: try row[16, as: String?.self],
            firstPosition: try row[17, as: Position.self],
            last: try LastMessage(row, at: 18),
        )
    }

    private static func key(_ row: Row, at column: Int) throws(PostgresError) -> AgreementRecord.KeyVersion? {
        guard let number = try row[column, as: Int32?.self] else { return nil }
        return AgreementRecord.KeyVersion(number: Int(number), fingerprint: try row[column + 1, as: Digest.self])
    }

    /// Writes the columns in the order of the table.
    static func append(_ record: AgreementRecord, to row: inout RowWriter) {
        let agreement = record.agreement
        row.append(record.stream.rawValue)
        row.append(record.partner.rawValue)
        row.append(record.firstPosition.rawValue)
        row.append(record.last.receipt.position.rawValue)
        row.append(record.last.receipt.recorded)
        row.append(record.key.map { Int32($0.number) })
        row.append(record.acknowledgedKey.map { Int32($0.number) })
        row.append(Int32(record.last.status))
        row.append(record.last.receipt.event)
        row.append(agreement.id.text)
        row.append(record.ourRole.rawValue)
        row.append(agreement.status.rawValue)
        row.append(agreement.deactivatedBy?.rawValue)
        row.append(agreement.name)
        row.append(agreement.senderURL.text)
        row.append(agreement.receiverURL.text)
        row.append(agreement.permissions.syncsTags)
        row.append(agreement.permissions.syncsCustomFields)
        row.append(agreement.permissions.allowsPublicComments)
        row.append(record.invitedFrom)
        row.append(record.key?.fingerprint)
        row.append(record.acknowledgedKey?.fingerprint)
        row.append(record.last.digest)
    }
}

/// Reads partners outside of the appender.
package enum PartnerReader {
    /// All partners in the order in which they were added.
    package static func all(in session: inout PostgresSession) throws(PostgresError) -> [PartnerRecord] {
        PartnerDirectory(try PartnerRow.all(in: &session)).all
    }
}

/// Rows of `projection.partner`, both ways.
enum PartnerRow {
    static func all(in session: inout PostgresSession) throws(PostgresError) -> [PartnerRecord] {
        let rows = try session.query(
            """
            SELECT partner_id, name, base_url, dialect, state, paused, allow_private_address, allow_http, concurrency,
                rate
            FROM projection.partner
            """
        )
        var partners: [PartnerRecord] = []
        for row in rows {
            partners.append(
                PartnerRecord(
                    id: try row[0, as: Position.self],
                    name: try row[1, as: String.self],
                    baseURL: try row.url(2),
                    dialect: try row.known(3),
                    state: try row.known(4),
                    isPaused: try row[5, as: Bool.self],
                    allowsPrivateAddress: try row[6, as: Bool.self],
                    allowsHTTP: try row[7, as: Bool.self],
                    concurrency: Int(try row[8, as: Int32.self]),
                    rate: try row[9, as: Int32?.self].map { Int($0) },
                ),
            )
        }
        return partners
    }

    /// Writes the columns in the order of the table.
    static func append(_ partner: PartnerRecord, to row: inout RowWriter) {
        row.append(partner.id.rawValue)
        row.append(partner.name)
        row.append(partner.baseURL.text)
        row.append(partner.baseURL.identity)
        row.append(partner.dialect.rawValue)
        row.append(partner.state.rawValue)
        row.append(partner.isPaused)
        row.append(partner.allowsPrivateAddress)
        row.append(partner.allowsHTTP)
        row.append(Int32(partner.concurrency))
        row.append(partner.rate.map { Int32(clamping: $0) })
    }
}

// MARK: - Values that the schema's constraints vouch for

extension Row {
    /// A text column that holds a case of an enumeration.
    package func known<Value: RawRepresentable<String>>(_ column: Int) throws(PostgresError) -> Value {
        let text = try self[column, as: String.self]
        guard let value = Value(rawValue: text) else {
            throw PostgresError(.decoding, "column \(column) holds no \(Value.self)")
        }
        return value
    }

    func url(_ column: Int) throws(PostgresError) -> BaseURL {
        let text = try text(column)
        do throws(BaseURLFault) {
            return try BaseURL(text)
        } catch {
            throw PostgresError(.decoding, "column \(column) holds no base URL: \(error.rawValue)")
        }
    }

    /// A text column that holds an identifier of the protocol.
    package func identifier<Kind: IdentifiedKind>(_ column: Int) throws(PostgresError) -> Identifier<Kind> {
        guard let identifier = Identifier<Kind>(try text(column)) else {
            throw PostgresError(.decoding, "column \(column) holds no identifier")
        }
        return identifier
    }

    private func text(_ column: Int) throws(PostgresError) -> String {
        try self[column, as: String.self]
    }
}
