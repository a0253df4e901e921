package import Ledger
package import Postgres

/// Events of a share or a stream that are gone: its numbers have a gap, or the message that projections end with is not there.
package struct ChainGap: Error, Sendable, Hashable, CustomStringConvertible {
    /// The message that is gone, or the event that follows what is gone.
    package let position: Position

    /// What is wrong with the event at ``position``.
    package let reason: String

    /// The earliest that the gap can be: where the event before it stands, and when that was recorded.
    private let since: Position
    private let recorded: Timestamp?

    /// Whether ``position`` itself is gone.
    private let isEnd: Bool

    package var description: String {
        "event \(position): \(reason)"
    }

    private init(_ row: Row, _ chain: String) throws(PostgresError) {
        position = try row[0, as: Position.self]
        isEnd = try row[1, as: Bool.self]
        since = try row[2, as: Position.self]
        recorded = try row[3, as: Timestamp?.self]
        reason =
            isEnd
            ? "it is not in the ledger any more"
            : "what came right before it in its \(chain) is not in the ledger any more"
    }

    /// Whether the chain as it was at a position may lack what is gone.
    package func concerns(_ position: Position) -> Bool {
        isEnd ? self.position <= position : since < position
    }

    /// Whether the chain as it was at a time may lack what is gone.
    package func concerns(_ time: Timestamp) -> Bool {
        recorded.map { $0 <= time } ?? true
    }
}

extension ChainGap {
    /// The first gap in a share's numbers, and its last message if that is gone.
    package static func all(
        inShare share: Position,
        _ session: inout PostgresSession,
    ) throws(PostgresError) -> [ChainGap] {
        try session.query(shareGaps(share)).map { (row) throws(PostgresError) in try ChainGap(row, "share") }
    }

    /// The first gap in the numbers of an agreement's stream, and the agreement's last message if that is gone.
    package static func all(
        inStream stream: Position,
        _ session: inout PostgresSession,
    ) throws(PostgresError) -> [ChainGap] {
        try session.query(streamGaps(stream)).map { (row) throws(PostgresError) in try ChainGap(row, "stream") }
    }

    /// Those of some shares that have gaps.
    package static func shares(
        among shares: [Position],
        _ session: inout PostgresSession,
    ) throws(PostgresError) -> [Position] {
        guard !shares.isEmpty else { return [] }
        return try session.query(gappyShares(shares)).decode((Position).self)
    }

    // MARK: Statements

    /// Events are numbered again, which leaves the first behind a gap with another number than it has. The last message is
    /// looked for by its id, as another event may have got its position since.
    private static let shareGaps = Statement<Position>(
        """
        (
            SELECT n.position, false, coalesce(n.before, $1 - 1), n.recorded_before
            FROM (
                SELECT e.position, e.share_seq, row_number() OVER chain - 1 AS number,
                    lag(e.position) OVER chain AS before, lag(e.recorded_at) OVER chain AS recorded_before
                FROM ledger.event AS e
                WHERE e.share_id = $1
                WINDOW chain AS (ORDER BY e.share_seq)
            ) AS n
            WHERE n.share_seq <> n.number
            ORDER BY n.share_seq
            LIMIT 1
        )
        UNION ALL
        SELECT h.last_position, true, h.last_position, h.last_recorded_at
        FROM projection.ticket_head AS h
        WHERE h.share_id = $1
            AND NOT EXISTS (
                SELECT
                FROM ledger.event AS e
                WHERE e.event_id = h.last_event_id
            )
        """
    )

    /// Counted first, as a stream may be long.
    private static let streamGaps = Statement<Position>(
        """
        (
            SELECT n.position, false, coalesce(n.before, $1 - 1), n.recorded_before
            FROM (
                SELECT e.position, e.stream_seq, row_number() OVER chain - 1 AS number,
                    lag(e.position) OVER chain AS before, lag(e.recorded_at) OVER chain AS recorded_before
                FROM ledger.event AS e
                WHERE e.stream_id = $1
                    AND (
                        SELECT count(*) <> max(c.stream_seq) + 1
                        FROM ledger.event AS c
                        WHERE c.stream_id = $1
                    )
                WINDOW chain AS (ORDER BY e.stream_seq)
            ) AS n
            WHERE n.stream_seq <> n.number
            ORDER BY n.stream_seq
            LIMIT 1
        )
        UNION ALL
        SELECT a.last_position, true, a.last_position, a.last_recorded_at
        FROM projection.agreement AS a
        WHERE a.stream_id = $1
            AND NOT EXISTS (
                SELECT
                FROM ledger.event AS e
                WHERE e.event_id = a.last_event_id
            )
        """
    )

    private static let gappyShares = Statement<[Position]>(
        """
        SELECT e.share_id
        FROM ledger.event AS e
        WHERE e.share_id = ANY ($1)
        GROUP BY e.share_id
        HAVING count(*) <> max(e.share_seq) + 1
        UNION
        SELECT h.share_id
        FROM projection.ticket_head AS h
        WHERE h.share_id = ANY ($1)
            AND NOT EXISTS (
                SELECT
                FROM ledger.event AS e
                WHERE e.event_id = h.last_event_id
            )
        """
    )
}
