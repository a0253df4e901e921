import Ledger
package import Postgres
package import Sharing

// MARK: - Reading

extension QueuedDelivery {
    /// The deliveries that a condition on `q` (`delivery.queue`), `a` (agreement) and `p` (partner) leaves.
    package static func all(
        where condition: SQL,
        order: Order = .enqueued,
        limit: Int64 = .max,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [QueuedDelivery] {
        var deliveries: [QueuedDelivery] = []
        for row in try session.query(statement(condition, order, limit)) {
            deliveries.append(try QueuedDelivery(row))
        }
        return deliveries
    }

    /// In which order deliveries are read.
    package enum Order: Sendable {
        /// As they came into the queue, which is the order of their numbers.
        case enqueued
        /// Lane by lane, as they go.
        case lanes
    }

    /// How many go before it in its lane; counted no further than `limit`.
    package func count(ahead limit: Int64, in session: inout PostgresSession) throws(PostgresError) -> Int64 {
        guard state == .behind else { return 0 }
        let share: SQL = lane.share.map { "o.share_id = \($0)" } ?? "o.share_id IS NULL"
        return try session.query(
            """
            SELECT count(*)
            FROM (
                SELECT
                FROM delivery.queue AS q
                JOIN delivery.queue AS o ON o.partner_id = q.partner_id AND o.stream_id = q.stream_id
                WHERE q.delivery_id = \(id.rawValue)
                    AND \(share)
                    AND (o.queue_position, o.item) < (q.queue_position, q.item)
                LIMIT \(limit)
            ) AS ahead
            """
        ).onlyRow()[0, as: Int64.self]
    }

    /// The first of its lane.
    package func first(in session: inout PostgresSession) throws(PostgresError) -> DeliveryID? {
        let share: SQL = lane.share.map { "o.share_id = \($0)" } ?? "o.share_id IS NULL"
        return try session.query(
            """
            SELECT o.delivery_id
            FROM delivery.queue AS o
            WHERE o.partner_id = \(lane.destination.rawValue)
                AND o.stream_id = \(lane.stream)
                AND \(share)
            ORDER BY o.queue_position, o.item
            LIMIT 1
            """
        ).first.map { row throws(PostgresError) in DeliveryID(rawValue: try row[0, as: Int64.self]) }
    }

    /// That `o` is of the same agreement and destination, and came before `q`.
    private static let goesBefore: SQL = """
        o.partner_id = q.partner_id
        AND o.stream_id = q.stream_id
        AND (o.queue_position, o.item) < (q.queue_position, q.item)
        """

    /// What holds a head back is looked for apart for barriers and for others, so that each has an index of its own.
    private static func statement(_ condition: SQL, _ order: Order, _ limit: Int64) -> SQL {
        let order: SQL =
            switch order {
            case .enqueued: "q.delivery_id"
            case .lanes: "q.partner_id, q.stream_id, q.share_id NULLS FIRST, q.queue_position, q.item"
            }
        return """
            SELECT q.delivery_id,
                CASE
                    WHEN q.state = 'parked' THEN 'parked'
                    WHEN q.claim IS NOT NULL THEN 'claimed'
                    WHEN q.is_head THEN 'waiting'
                    ELSE 'behind another'
                END,
                q.message_position, q.message_id, m.type, m.direction, s.agreement, sh.ticket,
                q.partner_id, q.stream_id, q.share_id, p.name,
                CASE
                    WHEN q.partner_id = 0 AND y.desk_url IS NULL THEN 'no desk'
                    WHEN q.partner_id > 0 AND p.state = 'proposed' THEN 'proposed'
                    WHEN q.partner_id > 0 AND p.paused THEN 'paused'
                    WHEN r.paused THEN 'replay paused'
                    WHEN r.prepared_until IS NOT NULL THEN 'replay preparing'
                    WHEN h.state = 'out' THEN 'out'
                END,
                q.replay_id, q.attempts, q.enqueued_at, q.due_at, q.reason,
                l.position, l.recorded_at, l.type, l.status, l.detail ->> 'error', l.detail ->> 'address',
                CASE
                    WHEN NOT q.is_head OR q.state = 'parked' OR q.claim IS NOT NULL THEN NULL
                    WHEN q.is_barrier THEN (
                        SELECT o.delivery_id
                        FROM delivery.queue AS o
                        WHERE \(Self.goesBefore)
                            AND o.is_head
                            AND o.state = 'waiting'
                            AND (o.replay_id IS NULL OR o.replay_id = q.replay_id)
                        ORDER BY o.queue_position, o.item
                        LIMIT 1
                    )
                    ELSE (
                        SELECT o.delivery_id
                        FROM delivery.queue AS o
                        WHERE \(Self.goesBefore)
                            AND o.is_barrier
                            AND o.is_head
                            AND o.state = 'waiting'
                            AND (
                                o.replay_id IS NULL
                                OR o.replay_id = q.replay_id
                                OR delivery.is_turn(o.replay_id, o.partner_id, o.stream_id, o.item)
                            )
                        ORDER BY o.queue_position, o.item
                        LIMIT 1
                    )
                END,
                q.claimed_until,
                (
                    SELECT e.recorded_at
                    FROM ledger.event AS e
                    WHERE e.about = q.message_id
                        AND e.exchange = q.exchange
                        AND e.type = 'attempt.begun'
                )
            FROM delivery.queue AS q
            JOIN ledger.event AS m ON m.position = q.message_position
            JOIN ledger.stream AS s ON s.stream_id = q.stream_id
            JOIN projection.agreement AS a ON a.stream_id = q.stream_id
            JOIN projection.partner AS p
                ON p.partner_id = CASE WHEN q.partner_id > 0 THEN q.partner_id ELSE a.partner_id END
            LEFT JOIN ledger.share AS sh ON sh.share_id = q.share_id
            LEFT JOIN delivery.setting AS y ON true
            LEFT JOIN delivery.destination AS h ON h.partner_id = q.partner_id
            LEFT JOIN delivery.replay AS r ON r.replay_id = q.replay_id
            LEFT JOIN LATERAL (
                SELECT e.position, e.recorded_at, e.type, e.status, (
                    SELECT ledger.json(f.content)
                    FROM ledger.payload AS f
                    WHERE f.position = e.position
                        AND f.part = 'detail'
                ) AS detail
                FROM ledger.event AS e
                WHERE e.about = q.message_id
                    AND e.type IN ('attempt.succeeded', 'attempt.failed', 'attempt.unknown')
                    AND e.direction IS NOT DISTINCT FROM CASE sign(q.partner_id) WHEN 1 THEN 'out' WHEN 0 THEN 'in' END
                    AND q.attempts > 0
                ORDER BY e.position DESC
                LIMIT 1
            ) AS l ON true
            WHERE \(condition)
            ORDER BY \(order)
            LIMIT \(limit)
            """
    }

    private init(_ row: Row) throws(PostgresError) {
        id = DeliveryID(rawValue: try row[0, as: Int64.self])
        state = try Self.known(row, 1)
        message = try row[2, as: Position.self]
        messageID = try row[3, as: EventID.self]
        type = try Self.known(row, 4)
        direction = try Self.known(row, 5)
        agreement = try row[6, as: String.self]
        ticket = try row[7, as: String?.self]
        lane = ShareLane(
            destination: Destination(rawValue: try row[8, as: Int64.self]),
            stream: try row[9, as: Position.self],
            share: try row[10, as: Position?.self],
        )
        partner = try row[11, as: String.self]
        holding = try row[12, as: String?.self].flatMap { Holding(rawValue: $0) }
        replay = try row[13, as: Position?.self]
        attempts = Int(try row[14, as: Int32.self])
        enqueued = try row[15, as: Timestamp.self]
        due = try row[16, as: Timestamp.self]
        reason = try row[17, as: String?.self]
        lastAttempt = try row[18, as: Position?.self].map { position throws(PostgresError) in
            Attempt(
                position: position,
                recorded: try row[19, as: Timestamp.self],
                type: try Self.known(row, 20),
                status: try row[21, as: Int32?.self].map { Int($0) },
                error: try row[22, as: String?.self],
                address: try row[23, as: String?.self],
            )
        }
        barrier = try row[24, as: Int64?.self].map { DeliveryID(rawValue: $0) }
        claim = try row[25, as: Timestamp?.self].map { end throws(PostgresError) in
            Claim(begun: try row[26, as: Timestamp?.self], end: end)
        }
    }

    private static func known<Value: RawRepresentable<String>>(
        _ row: Row,
        _ column: Int,
    ) throws(PostgresError) -> Value {
        guard let value = Value(rawValue: try row[column, as: String.self]) else {
            throw PostgresError(.decoding, "column \(column) of a delivery holds no \(Value.self)")
        }
        return value
    }
}
