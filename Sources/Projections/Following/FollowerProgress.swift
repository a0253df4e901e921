package import Ledger
import LedgerStore
package import Postgres

/// How far the following projections are behind the ledger.
package struct FollowerProgress: Sendable, Equatable {
    /// The first position that is not folded.
    package let next: Position

    /// The position after the ledger's last event, when it was looked at.
    package let end: Position

    /// Events that are not folded yet.
    package var lag: Int64 {
        max(0, end.rawValue - next.rawValue)
    }

    /// Messages of tickets that are not folded yet.
    package func unreadMessages(in session: inout PostgresSession) throws(PostgresError) -> Int64 {
        try session.query(
            """
            SELECT count(*)
            FROM ledger.event AS e
            WHERE e.position >= \(next)
                AND e.position < \(end)
                AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
            """
        ).onlyRow()[0, as: Int64.self]
    }

    /// Looks it up, for who does not follow.
    package static func read(in session: inout PostgresSession) throws(PostgresError) -> FollowerProgress {
        let row = try session.query(
            """
            SELECT f.next_position,
                coalesce((SELECT e.position + 1 FROM ledger.event AS e ORDER BY e.position DESC LIMIT 1), 0)
            FROM projection.follower AS f
            WHERE f.name = 'ticket'
            """
        ).onlyRow()
        return FollowerProgress(next: try row[0, as: Position.self], end: try row[1, as: Position.self])
    }
}
