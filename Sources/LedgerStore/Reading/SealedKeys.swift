package import Ledger
package import Postgres
import Sharing

/// Access keys as they are stored, by which a key file can be told to be this ledger's.
package struct SealedKeys: Sendable {
    /// How many of the first and of the last are looked at.
    private static let count: Int64 = 5

    private let first: [(stream: Position, version: Int32, sealed: [UInt8])]
    private let last: [(stream: Position, version: Int32, sealed: [UInt8])]

    /// Reads the first and the last that the ledger was brought.
    package static func read(in session: inout PostgresSession) throws(PostgresError) -> SealedKeys {
        typealias Columns = (Position, Int32, [UInt8])
        let first = try session.query(
            "SELECT stream_id, version, sealed FROM ledger.access_key ORDER BY position LIMIT \(count)"
        )
        let last = try session.query(
            "SELECT stream_id, version, sealed FROM ledger.access_key ORDER BY position DESC LIMIT \(count)"
        )
        return SealedKeys(first: try first.decode(Columns.self), last: try last.decode(Columns.self))
    }

    /// What keys open of them.
    package enum Fit: Sendable {
        /// There are none yet.
        case nothing
        case all
        /// The first, but not all of the last: another key file was in its place for a while.
        case older
        /// None of the first: it is another ledger's.
        case none
    }

    /// How keys fit; which box is damaged and which another's cannot be told.
    package func fit(_ keys: KeyRing) -> Fit {
        func opens(_ key: (stream: Position, version: Int32, sealed: [UInt8])) -> Bool {
            let place = AgreementRecord.KeyVersion.context(stream: key.stream, number: Int(key.version))
            return (try? keys.open(key.sealed, context: place)) != nil
        }
        guard !first.isEmpty else { return .nothing }
        guard first.contains(where: opens) else { return .none }
        return last.allSatisfy(opens) ? .all : .older
    }
}
