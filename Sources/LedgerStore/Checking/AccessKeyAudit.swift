package import Cryptography
package import Ledger
package import Postgres
import Sharing
import TicketSharing

/// What is wrong with an access key as the ledger keeps it, beside its events: no leaf commits to it.
package struct AccessKeyFault: Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// An event says that it brought it, and it is not there.
        case missing
        /// The key file does not open it.
        case sealed
        /// It is recognised by the fingerprint of another one.
        case fingerprint
    }

    package let kind: Kind
    package let agreement: String
    /// Its number, or what facts that were altered say instead.
    package let version: String

    /// The event that brought it.
    package let position: Position

    package var description: String {
        let key = "version \(version) of the access key of agreement \(agreement)"
        return switch kind {
        case .missing: "\(key) is missing"
        case .sealed: "\(key) is not opened by the key file"
        case .fingerprint: "\(key) has the fingerprint of another one"
        }
    }
}

/// Opens every access key, and compares those that are there with those that events have brought.
package enum AccessKeyAudit {
    private static let pageCount: Int64 = 1000

    /// - Parameter keys: `nil` to look only whether they are there.
    package static func faults(_ keys: KeyRing?, in session: inout PostgresSession) throws(PostgresError)
        -> [AccessKeyFault]
    {
        let missing = try missing(in: &session)
        guard let keys else { return missing }
        return try missing + damaged(keys, in: &session)
    }

    private static func missing(in session: inout PostgresSession) throws(PostgresError) -> [AccessKeyFault] {
        let rows = try session.query(
            """
            SELECT s.agreement, d.facts ->> 'access_key_version', e.position
            FROM ledger.event AS e
            JOIN ledger.stream AS s ON s.stream_id = e.stream_id
            JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
            CROSS JOIN LATERAL (SELECT ledger.json(f.content) AS facts OFFSET 0) AS d
            WHERE e.share_id IS NULL
                AND e.type IN ('agreement.invited', 'agreement.updated')
                AND d.facts ? 'access_key_version'
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.access_key AS k
                    WHERE k.stream_id = e.stream_id
                        AND k.version::text = d.facts ->> 'access_key_version'
                )
            ORDER BY e.position
            """
        )
        return try rows.decode((String, String?, Position).self).map { agreement, version, position in
            AccessKeyFault(kind: .missing, agreement: agreement, version: version ?? "?", position: position)
        }
    }

    private static func damaged(_ keys: KeyRing, in session: inout PostgresSession) throws(PostgresError)
        -> [AccessKeyFault]
    {
        var faults: [AccessKeyFault] = []
        var after: (stream: Position, version: Int32) = (Position(rawValue: .min), 0)
        while true {
            let page = try session.query(
                """
                SELECT k.stream_id, k.version, k.sealed, k.fingerprint, k.position, s.agreement
                FROM ledger.access_key AS k
                JOIN ledger.stream AS s ON s.stream_id = k.stream_id
                WHERE (k.stream_id, k.version) > (\(after.stream), \(after.version))
                ORDER BY k.stream_id, k.version
                LIMIT \(pageCount)
                """
            ).decode((Position, Int32, [UInt8], Digest, Position, String?).self)
            for (stream, version, sealed, fingerprint, position, agreement) in page {
                after = (stream, version)
                let opened = keys.fingerprint(ofSealedKey: sealed, version: version, stream: stream)
                guard opened != fingerprint else { continue }
                faults.append(
                    AccessKeyFault(
                        kind: opened == nil ? .sealed : .fingerprint,
                        agreement: agreement ?? "",
                        version: "\(version)",
                        position: position,
                    ),
                )
            }
            guard page.count == pageCount else { return faults }
        }
    }
}

extension KeyRing {
    /// What an access key is recognised by, from its encrypted form; `nil` where this ring does not open it.
    package func fingerprint(ofSealedKey sealed: [UInt8], version: Int32, stream: Position) -> Digest? {
        let context = AgreementRecord.KeyVersion.context(stream: stream, number: Int(version))
        return (try? open(sealed, context: context)).map { fingerprint(ofAccessKey: $0) }
    }
}
