package import Ledger
package import Postgres

/// Deliveries that nothing holds back and that have not gone all the same: whoever delivers does not run, or has trouble.
///
/// What replays send again is not among them: it may take as long as it takes.
package enum OverdueDeliveries {
    /// What ``condition(before:)`` is about: `q` (delivery.queue), `p` (partner) and `h` (destination).
    package static let tables: SQL = """
        delivery.queue AS q
        LEFT JOIN projection.partner AS p ON p.partner_id = q.partner_id
        LEFT JOIN delivery.destination AS h ON h.partner_id = q.partner_id
        """

    /// - Parameter limit: They were due before that.
    package static func condition(before limit: Timestamp) -> SQL {
        """
        q.state = 'waiting'
        AND q.is_head
        AND q.claim IS NULL
        AND q.replay_id IS NULL
        AND q.due_at < \(limit)
        AND NOT coalesce(p.paused, false)
        AND coalesce(p.state, 'active') = 'active'
        AND p.rate IS NULL
        AND coalesce(h.state, 'up') = 'up'
        AND (q.partner_id <> 0 OR (SELECT s.desk_url IS NOT NULL FROM delivery.setting AS s))
        AND NOT EXISTS (
            SELECT
            FROM delivery.queue AS b
            WHERE b.partner_id = q.partner_id
                AND b.stream_id = q.stream_id
                AND b.is_head
                AND b.state = 'waiting'
                AND (b.is_barrier OR (q.is_barrier AND b.replay_id IS NULL))
                AND (b.queue_position, b.item) < (q.queue_position, q.item)
        )
        """
    }
}
