import Ledger
import LedgerStore
import Postgres
import Sharing

/// How the lanes stand that something was selected in.
extension MaterialReader {
    /// Reads the newest messages of shares, and whether they are shared.
    mutating func readShareState(of shares: [Position], in session: inout PostgresSession) throws {
        guard !shares.isEmpty else { return }
        let rows = try session.query(
            """
            SELECT sh.share_id, sh.stream_id, o.oldest, o.newest, t.shared, n.position, n.event_id, n.direction, u.position
            FROM unnest(\(shares)) AS wanted (share_id)
            JOIN ledger.share AS sh ON sh.share_id = wanted.share_id
            JOIN projection.ticket_head AS t ON t.share_id = wanted.share_id
            LEFT JOIN ledger.event AS n ON n.position = t.last_position AND n.share_id = t.share_id
            CROSS JOIN LATERAL (
                SELECT (\(sent("e.share_id = wanted.share_id ORDER BY e.share_seq"))),
                    (\(sent("e.share_id = wanted.share_id ORDER BY e.share_seq DESC")))
            ) AS o (oldest, newest)
            LEFT JOIN (
                SELECT share_id, min(position)
                FROM projection.unfolded
                GROUP BY share_id
            ) AS u (share_id, position) ON u.share_id = wanted.share_id
            """
        )
        for row in rows {
            guard let place = try place(of: row) else { continue }
            material.lanes[place].isShared = try row[4, as: Bool.self]
            material.lanes[place].newest = try row[5, as: Position?.self].map { position throws(PostgresError) in
                NewestMessage(
                    position: position,
                    event: try row[6, as: EventID.self],
                    direction: try row.known(7),
                )
            }
            material.lanes[place].unfolded = try row[8, as: Position?.self]
        }
        let gappy = Set(try ChainGap.shares(among: shares, &session))
        for place in material.lanes.indices {
            guard let share = material.lanes[place].lane.share, gappy.contains(share) else { continue }
            material.lanes[place].gap = try ChainGap.all(inShare: share, &session).first
        }
    }

    /// Reads where the other side has changed what a message that is sent had said, and none of those has said since.
    mutating func readOtherChanges(of shares: [Position], in session: inout PostgresSession) throws {
        guard !shares.isEmpty, request.target.kind != .sandbox, let direction = request.directions.first,
            request.directions.count == 1
        else { return }
        let rows = try session.query(
            """
            SELECT sh.share_id, sh.stream_id, c.sent, c.other
            FROM unnest(\(shares)) AS wanted (share_id)
            JOIN ledger.share AS sh ON sh.share_id = wanted.share_id
            CROSS JOIN LATERAL (
                SELECT max(e.position) FILTER (WHERE e.direction = \(direction.rawValue)) AS sent,
                    max(e.position) FILTER (WHERE e.direction <> \(direction.rawValue)) AS other
                FROM ledger.event AS e
                JOIN ledger.payload AS f ON f.position = e.position AND f.part = 'facts'
                CROSS JOIN LATERAL jsonb_path_query(
                    ledger.json(f.content),
                    '$.set[*] ? (@ != "uuid" && @ != "comments" && @ != "current_actor")'
                ) AS m (name)
                WHERE e.share_id = wanted.share_id
                    AND e.type IN ('ticket.shared', 'ticket.updated')
                GROUP BY m.name
                HAVING max(e.position) FILTER (WHERE e.direction = \(direction.rawValue))
                    < max(e.position) FILTER (WHERE e.direction <> \(direction.rawValue))
                ORDER BY sent DESC
                LIMIT 1
            ) AS c
            """
        )
        for row in rows {
            let (share, stream, sent, other) = try row.decode((Position, Position, Position, Position).self)
            guard let place = place(stream, share) else { continue }
            material.lanes[place].otherChange = OtherChange(sent: sent, other: other)
        }
    }

    /// Reads the newest of agreements' own messages.
    mutating func readAgreementState(of streams: [Position], in session: inout PostgresSession) throws {
        guard !streams.isEmpty else { return }
        let own: SQL = """
            e.stream_id = wanted.stream_id
            AND e.share_id IS NULL
            AND e.position >= wanted.first_position
            """
        let rows = try session.query(
            """
            SELECT NULL::bigint, wanted.stream_id, o.oldest, o.newest, (
                SELECT e.position
                FROM ledger.event AS e
                WHERE \(own)
                    AND e.type = 'agreement.updated'
                    AND e.direction <> ALL (\(directions))
                    AND \(Self.saysStatus("e"))
                ORDER BY e.position DESC
                LIMIT 1
            )
            FROM projection.agreement AS wanted
            CROSS JOIN LATERAL (
                SELECT (\(sent("\(own) ORDER BY e.position"))),
                    (\(sent("\(own) ORDER BY e.position DESC")))
            ) AS o (oldest, newest)
            WHERE wanted.stream_id = ANY (\(streams))
            """
        )
        for row in rows {
            guard let place = try place(of: row) else { continue }
            material.lanes[place].otherStatus = try row[4, as: Position?.self]
        }
    }

    /// The first accepted message of the directions that are sent which a condition on `e`, with its order, leaves.
    private func sent(_ conditionAndOrder: SQL) -> SQL {
        """
        SELECT e.position
        FROM ledger.event AS e
        WHERE e.direction = ANY (\(directions))
            AND e.type IN \(Self.messageTypes)
            AND \(conditionAndOrder)
        LIMIT 1
        """
    }

    /// Where the material of the lane is that a row of share, stream, oldest and newest is about; takes over the latter two.
    private mutating func place(of row: Row) throws(PostgresError) -> Int? {
        let share = try row[0, as: Position?.self]
        let stream = try row[1, as: Position.self]
        guard let place = place(stream, share) else { return nil }
        material.lanes[place].oldest = try row[2, as: Position?.self]
        material.lanes[place].newestSent = try row[3, as: Position?.self]
        return place
    }

    private func place(_ stream: Position, _ share: Position?) -> Int? {
        guard let destination = destinations[stream] else { return nil }
        return places[ShareLane(destination: destination, stream: stream, share: share)]
    }
}

// MARK: - Queue

extension MaterialReader {
    /// Reads how many deliveries wait in the lanes, and those of lanes that stand still.
    mutating func readQueue(of share: Position?, in session: inout PostgresSession) throws {
        let streams = material.agreements.map(\.stream)
        let scope: SQL = if let share { "q.share_id = \(share)" } else { "true" }
        let rows = try session.query(
            """
            SELECT q.stream_id, q.share_id, count(*), bool_or(q.state = 'parked')
            FROM delivery.queue AS q
            WHERE q.partner_id = ANY (\(Set(destinations.values).map(\.rawValue)))
                AND q.stream_id = ANY (\(streams))
                AND \(scope)
                AND NOT EXISTS (
                    SELECT
                    FROM delivery.replay AS r
                    WHERE r.replay_id = q.replay_id
                        AND r.cancelled_at IS NOT NULL
                )
            GROUP BY q.stream_id, q.share_id
            """
        )
        var parked: [ShareLane] = []
        for row in rows {
            let (stream, share, count, isParked) = try row.decode((Position, Position?, Int64, Bool).self)
            guard let place = place(stream, share) else { continue }
            material.lanes[place].waitingCount = Int(count)
            if isParked { parked.append(material.lanes[place].lane) }
        }
        try readParked(parked, in: &session)
    }

    private mutating func readParked(_ lanes: [ShareLane], in session: inout PostgresSession) throws {
        guard !lanes.isEmpty else { return }
        let rows = try session.query(
            """
            SELECT q.stream_id, q.share_id, q.delivery_id, q.message_position, q.message_id, e.direction, q.kind,
                q.state = 'parked', q.replay_id
            FROM unnest(\(lanes.map(\.destination.rawValue)), \(lanes.map(\.stream)), \(lanes.map(\.share)))
                AS wanted (partner_id, stream_id, share_id)
            JOIN delivery.queue AS q
                ON q.partner_id = wanted.partner_id
                AND q.stream_id = wanted.stream_id
                AND q.share_id IS NOT DISTINCT FROM wanted.share_id
            JOIN ledger.event AS e ON e.position = q.message_position
            ORDER BY q.queue_position, q.item
            """
        )
        for row in rows {
            guard let place = place(try row[0, as: Position.self], try row[1, as: Position?.self]) else { continue }
            material.lanes[place].parked.append(
                QueuedDelivery(
                    id: try row[2, as: Int64.self],
                    message: try row[3, as: Position.self],
                    messageID: try row[4, as: EventID.self],
                    direction: try row.known(5),
                    kind: try row.known(6),
                    isParked: try row[7, as: Bool.self],
                    replay: try row[8, as: Position?.self],
                ),
            )
        }
    }
}
