package import Cryptography
package import Ledger
package import Postgres
package import Sharing
package import TicketSharing

/// Reads agreements outside of the appender.
package enum AgreementReader {
    /// Agreements that satisfy a condition on `projection.agreement AS a`, oldest first.
    package static func all(
        where condition: SQL = "true",
        limit: Int = 10_000,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [AgreementRecord] {
        let rows = try session.query(
            """
            SELECT \(unescaped: AgreementRow.columns)
            FROM projection.agreement AS a
            WHERE \(condition)
            ORDER BY a.first_position
            LIMIT \(Int64(limit))
            """
        )
        var records: [AgreementRecord] = []
        for row in rows {
            records.append(try AgreementRow.record(row))
        }
        return records
    }

    /// Fingerprints of all access keys that any agreement has ever had.
    package static func keyFingerprints(in session: inout PostgresSession) throws(PostgresError) -> [Digest] {
        try session.query("SELECT fingerprint FROM ledger.access_key").decode(Digest.self)
    }

    /// A version of an agreement's access key; `nil` where the ledger has none of that number.
    ///
    /// Throws ``PostgresError`` of kind `decoding` where the key file is not the one that it was encrypted with.
    package static func accessKey(
        _ number: Int,
        of record: AgreementRecord,
        keys: KeyRing,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> AccessKey? {
        let rows = try session.query(
            """
            SELECT sealed
            FROM ledger.access_key
            WHERE stream_id = \(record.stream)
                AND version = \(Int32(number))
            """
        )
        guard let row = rows.first else { return nil }
        let sealed = try row[0, as: [UInt8].self]
        let context = AgreementRecord.KeyVersion.context(stream: record.stream, number: number)
        do throws(AESGCM.AuthenticationFailure) {
            return AccessKey(String(decoding: try keys.open(sealed, context: context), as: UTF8.self))
        } catch {
            throw PostgresError(.decoding, "the access key was encrypted with another key file")
        }
    }
}
