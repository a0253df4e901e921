package import Ledger
import LedgerStore
package import Postgres
package import Sharing

/// A replay that is on record, and how far it has come.
package struct ReplayJob: Sendable {
    /// Position of the `replay.requested` event.
    package let id: Position

    package let state: ReplayRecord.State
    package let mode: ReplayRequest.Mode

    /// Where it goes.
    package let destination: Destination.Kind

    /// Of a sandbox.
    package let sandboxURL: String?

    /// What a sandbox has come to that does not answer as it should.
    package let trouble: String?

    /// Names of the partners whose agreements it is of, as they were called then; `nil` where that is erased.
    package let partners: String?

    package let reason: String
    package let `operator`: String
    package let requested: Timestamp

    /// When nothing of it was left.
    package let finished: Timestamp?

    /// Deliveries a second at most.
    package let rate: Int?

    /// Deliveries in all, and those that ended in each way.
    package let itemCount: Int
    package let ended: [Outcome: Int]

    /// Deliveries that are in the queue: parked, claimed, and waiting.
    package let parkedCount: Int
    package let claimedCount: Int
    package let waitingCount: Int

    /// How an item ended; the raw value stands in `delivery.replay_outcome`.
    package enum Outcome: String, Sendable, CaseIterable {
        /// Or found there already.
        case delivered
        /// By an operator, or by another replay that sends the same.
        case skipped
        /// Nothing was left to be sent.
        case abandoned
        case cancelled
    }

    package var endedCount: Int { ended.values.reduce(0, +) }

    /// Whether it cannot go on before an operator has decided about what is parked.
    package var standsStill: Bool {
        state == .running && parkedCount > 0 && claimedCount == 0 && movableCount == 0
    }

    /// Waiting deliveries that no parked one stands before.
    private let movableCount: Int
}

// MARK: - Reading

extension ReplayJob {
    /// All of them, the newest last.
    package static func all(in session: inout PostgresSession) throws(PostgresError) -> [ReplayJob] {
        try read("true", .max, in: &session)
    }

    /// Those that have not ended.
    package static func unfinished(in session: inout PostgresSession) throws(PostgresError) -> [ReplayJob] {
        try read("r.finished_at IS NULL", .max, in: &session)
    }

    /// One of them; `nil` if there is none at this position.
    package static func at(_ id: Position, in session: inout PostgresSession) throws(PostgresError) -> ReplayJob? {
        try read("r.replay_id = \(id)", 1, in: &session).first
    }

    private static func read(
        _ condition: SQL,
        _ limit: Int64,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [ReplayJob] {
        let rows = try session.query(
            """
            SELECT r.replay_id,
                CASE
                    WHEN r.cancelled_at IS NOT NULL THEN 'cancelled'
                    WHEN r.finished_at IS NOT NULL THEN 'finished'
                    WHEN r.prepared_until IS NOT NULL THEN 'preparing'
                    WHEN r.paused THEN 'paused'
                    ELSE 'running'
                END,
                r.mode, d.detail ->> 'partner', r.reason, r.operator, r.requested_at, r.finished_at, r.rate, r.item_count,
                greatest(o.delivered, r.delivered_count), o.skipped, o.abandoned, o.cancelled, q.parked, q.claimed, q.waiting, q.movable,
                r.destination, r.sandbox_url, CASE WHEN h.state <> 'up' THEN concat_ws(': ', h.state, h.reason) ELSE '' END
            FROM (
                SELECT *
                FROM delivery.replay AS r
                WHERE \(condition)
                ORDER BY r.replay_id DESC
                LIMIT \(limit)
            ) AS r
            LEFT JOIN LATERAL (
                SELECT ledger.json(f.content)
                FROM ledger.payload AS f
                WHERE f.position = r.replay_id
                    AND f.part = 'detail'
            ) AS d (detail) ON true
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE o.outcome = 'delivered'),
                    count(*) FILTER (WHERE o.outcome = 'skipped'),
                    count(*) FILTER (WHERE o.outcome = 'abandoned'),
                    count(*) FILTER (WHERE o.outcome = 'cancelled')
                FROM delivery.replay_outcome AS o
                WHERE o.replay_id = r.replay_id
            ) AS o (delivered, skipped, abandoned, cancelled)
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE q.state = 'parked'),
                    count(*) FILTER (WHERE q.claim IS NOT NULL),
                    count(*) FILTER (WHERE q.state = 'waiting' AND q.claim IS NULL),
                    count(*) FILTER (WHERE q.state = 'waiting' AND q.claim IS NULL AND q.is_head)
                FROM delivery.queue AS q
                WHERE q.replay_id = r.replay_id
            ) AS q (parked, claimed, waiting, movable)
            LEFT JOIN delivery.destination AS h ON h.partner_id = -r.replay_id
            ORDER BY r.replay_id
            """
        )
        var jobs: [ReplayJob] = []
        for row in rows {
            jobs.append(try ReplayJob(row))
        }
        return jobs
    }

    private init(_ row: Row) throws(PostgresError) {
        id = try row[0, as: Position.self]
        state = try row.known(1)
        mode = try row.known(2)
        partners = try row[3, as: String?.self]
        reason = try row[4, as: String.self]
        self.operator = try row[5, as: String.self]
        requested = try row[6, as: Timestamp.self]
        finished = try row[7, as: Timestamp?.self]
        rate = try row[8, as: Int32?.self].map { Int($0) }
        itemCount = Int(try row[9, as: Int32.self])
        var ended: [Outcome: Int] = [:]
        for (index, outcome) in Outcome.allCases.enumerated() {
            ended[outcome] = Int(try row[10 + index, as: Int64.self])
        }
        self.ended = ended
        parkedCount = Int(try row[14, as: Int64.self])
        claimedCount = Int(try row[15, as: Int64.self])
        waitingCount = Int(try row[16, as: Int64.self])
        movableCount = Int(try row[17, as: Int64.self])
        destination = try row.known(18)
        sandboxURL = try row[19, as: String?.self]
        let trouble = try row[20, as: String.self]
        self.trouble = trouble.isEmpty ? nil : trouble
    }
}
