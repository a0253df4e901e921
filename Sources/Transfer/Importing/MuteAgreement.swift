import Ledger
import LedgerStore
import Postgres

/// An agreement that nobody can speak under here: its access key is not to be had.
package struct MuteAgreement: Sendable, Equatable {
    package let agreement: String
    package let partner: String
    package let status: String

    /// Why; the raw value is for programs.
    package enum Reason: String, Sendable {
        case noKeyFile = "no key file"
        case unopened = "not opened by the key file"
        case noKey = "no access key"
    }

    package let reason: Reason

    /// Those that are neither declined nor able to act.
    static func all(_ keys: KeyRing?, in session: inout PostgresSession) throws -> [MuteAgreement] {
        var found: [MuteAgreement] = []
        try session.forEachRow(
            """
            SELECT a.agreement, p.name, a.status, a.stream_id, k.version, k.sealed
            FROM projection.agreement AS a
            JOIN projection.partner AS p ON p.partner_id = a.partner_id
            LEFT JOIN ledger.access_key AS k
                ON k.stream_id = a.stream_id
                AND k.version = coalesce(a.acknowledged_key_version, a.key_version)
            WHERE a.status <> 'declined'
            ORDER BY a.first_position
            """
        ) { row in
            let (agreement, partner, status, stream, version, sealed) =
                try row.decode((String, String, String, Position, Int32?, [UInt8]?).self)
            let reason: Reason? =
                if let version, let sealed {
                    if let keys {
                        keys.fingerprint(ofSealedKey: sealed, version: version, stream: stream) == nil
                            ? .unopened : nil
                    } else {
                        .noKeyFile
                    }
                } else {
                    .noKey
                }
            if let reason {
                found.append(MuteAgreement(agreement: agreement, partner: partner, status: status, reason: reason))
            }
        }
        return found
    }
}
