package import Cryptography
package import Ledger
package import Postgres

/// What tells a ledger from all others, also from one of the same name: its origin, and the leaf hash of its first event.
package struct LedgerIdentity: Sendable, Equatable, CustomStringConvertible {
    package let origin: Origin

    /// Of the event at position 0, which holds random bytes.
    package let firstLeaf: Digest

    /// Reads it; `nil` where there is no ledger yet.
    package static func read(in session: inout PostgresSession) throws(PostgresError) -> LedgerIdentity? {
        let rows = try session.query(
            """
            SELECT o.name, o.epoch, e.leaf_hash
            FROM ledger.epoch AS o
            JOIN ledger.event AS e ON e.position = 0
            ORDER BY o.epoch DESC
            LIMIT 1
            """
        )
        guard let row = rows.first else { return nil }
        let (name, epoch, leaf) = try row.decode((String, Int32, Digest).self)
        guard let origin = Origin(name: name, epoch: Int(epoch)) else {
            throw PostgresError(.decoding, "the ledger's origin cannot be")
        }
        return LedgerIdentity(origin: origin, firstLeaf: leaf)
    }

    /// `<origin> <leaf hash>`, as a service says which ledger it serves.
    package var description: String {
        "\(origin) \(firstLeaf)"
    }
}
