import Ledger
package import Postgres
package import Sharing

/// How far our own messages of a share, or of an agreement itself, have come at their destination.
package enum DeliveryStatus: String, Sendable, CaseIterable {
    /// Nothing is left to be delivered.
    case delivered
    case waiting
    /// The first that is left was refused for good or failed too often: an operator has to decide.
    case parked

    /// Looks a lane up in the queue.
    package init(of lane: ShareLane, in session: inout PostgresSession) throws(PostgresError) {
        let statement =
            if let share = lane.share {
                Self.share(lane.destination.rawValue, lane.stream, share)
            } else {
                Self.agreement(lane.destination.rawValue, lane.stream)
            }
        let state = try session.query(statement).first.map { row throws(PostgresError) in try row[0, as: String.self] }
        self = state == nil ? .delivered : state == "parked" ? .parked : .waiting
    }

    private static let share = Statement<Int64, Position, Position>(
        """
        SELECT state
        FROM delivery.queue
        WHERE partner_id = $1
            AND stream_id = $2
            AND share_id = $3
        ORDER BY queue_position, item
        LIMIT 1
        """
    )

    private static let agreement = Statement<Int64, Position>(
        """
        SELECT state
        FROM delivery.queue
        WHERE partner_id = $1
            AND stream_id = $2
            AND share_id IS NULL
        ORDER BY queue_position, item
        LIMIT 1
        """
    )
}
