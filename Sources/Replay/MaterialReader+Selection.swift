import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing
import TicketSharing

/// What of a scope is selected: messages in the range, or shares that have one.
extension MaterialReader {
    /// The accepted messages of the range, in the order of their stream.
    mutating func readMessages(
        of agreement: AgreementRecord,
        _ share: Position?,
        in session: inout PostgresSession,
    ) throws {
        var next: Int64 = 0
        while true {
            let chain: SQL =
                if let share {
                    "e.share_id = \(share) AND e.share_seq >= \(next)"
                } else {
                    // Nothing of an invitation that was declined before this one.
                    """
                    e.stream_id = \(agreement.stream)
                    AND e.stream_seq >= \(next)
                    AND e.position >= \(agreement.firstPosition)
                    """
                }
            let order: SQL = share == nil ? "e.stream_seq" : "e.share_seq"
            // What is sent is `sent-body` where there is one. A key that stands in a message without being new is the one
            // that was current then.
            let rows = try session.query(
                """
                SELECT e.position, e.event_id, e.share_id, sh.ticket, \(order),
                    \(request.target.kind == .sandbox ? "false" : isAnswered("e")),
                    CASE
                        WHEN e.share_id IS NULL AND y.splices IS NOT NULL THEN (
                            SELECT max(k.version)
                            FROM ledger.access_key AS k
                            WHERE k.stream_id = e.stream_id
                                AND k.position <= e.position
                        )
                    END,
                    f.names, f.lengths, f.commitments, e.type, e.direction,
                    e.share_id IS NULL AND e.type = 'agreement.updated' AND \(Self.saysStatus("e")),
                    EXISTS (
                        SELECT
                        FROM delivery.queue AS q
                        WHERE q.message_position = e.position
                            AND q.partner_id = \(request.target.destination(agreement.partner).rawValue)
                            AND q.kind = 'message'
                    )
                FROM ledger.event AS e
                LEFT JOIN ledger.share AS sh ON sh.share_id = e.share_id
                CROSS JOIN LATERAL (
                    SELECT CASE
                        WHEN 'sent-body' = ANY (e.part_names) THEN 'sent-body'
                        WHEN 'body' = ANY (e.part_names) THEN 'body'
                    END
                ) AS b (part)
                CROSS JOIN LATERAL (
                    SELECT array_agg(p.name), array_agg(p.length), array_agg(p.commitment)
                    FROM unnest(e.part_names, e.part_lengths, e.part_commitments) AS p (name, length, commitment)
                    WHERE p.name IN ('facts', b.part)
                ) AS f (names, lengths, commitments)
                LEFT JOIN ledger.payload AS y ON y.position = e.position AND y.part = b.part
                WHERE \(chain)
                    AND e.direction = ANY (\(directions))
                    AND e.type IN \(Self.messageTypes)
                    AND e.position < \(material.end)
                    AND \(range)
                ORDER BY \(order)
                LIMIT \(Int64(Self.pageCount))
                """
            )
            let state = try LedgerReader.faults(of: try Self.wantedParts(of: rows), in: &session)
            let damages = Dictionary(
                state.faults.map { ($0.key.position, PartFault($0.key, $0.value)) },
                uniquingKeysWith: { $0.place.part.rawValue < $1.place.part.rawValue ? $0 : $1 },
            )
            let erased = Set(state.erased.map(\.position))
            for row in rows {
                let lane = try place(of: agreement, row[2, as: Position?.self], row[3, as: String?.self])
                let position = try row[0, as: Position.self]
                let type: EventType = try row.known(10)
                let direction: Direction = try row.known(11)
                let isAnswered = try row[5, as: Bool.self]
                material.lanes[lane].take(
                    SelectedMessage(
                        position: position,
                        event: try row[1, as: EventID.self],
                        direction: direction,
                        isAnswered: isAnswered,
                        isAcknowledged: isAnswered
                            || (request.target.kind != .sandbox && direction != request.target.ownDirection),
                        isQueued: try row[13, as: Bool.self],
                        setsStatus: try row[12, as: Bool.self],
                        isErased: erased.contains(position),
                        damage: damages[position],
                        keyVersion: try row[6, as: Int32?.self].map { Int($0) },
                    ),
                    isOfType: request.filter.types?.contains(type) ?? true,
                    extent: request.filter.extent,
                )
                next = try row[4, as: Int64.self] + 1
            }
            guard try goesOn(after: rows.count) else { return }
        }
    }

    /// What leaves say of the parts that would be sent, and of those that say how.
    private static func wantedParts(of rows: Rows) throws -> [WantedParts] {
        var wanted: [WantedParts] = []
        for row in rows {
            var lines: [PartLine] = []
            let names = try row[7, as: [String].self]
            let lengths = try row[8, as: [Int64].self]
            for (index, commitment) in try row[9, as: [Digest].self].enumerated() {
                guard let name = PartName(rawValue: names[index]) else { continue }
                lines.append(PartLine(name: name, byteCount: Int(lengths[index]), commitment: commitment))
            }
            wanted.append(WantedParts(of: try row[0, as: Position.self], try row.known(10), lines))
        }
        return wanted
    }

    /// Leaves out the lanes in which nothing is selected after all.
    mutating func dropEmptyLanes() {
        material.lanes.removeAll { $0.messages.isEmpty }
        places = Dictionary(
            material.lanes.enumerated().map { ($0.element.lane, $0.offset) },
            uniquingKeysWith: { first, _ in first },
        )
    }

    /// The shares that have an accepted message in the range that the filter leaves.
    mutating func readShares(
        of agreement: AgreementRecord,
        _ share: Position?,
        in session: inout PostgresSession,
    ) throws {
        var next = share ?? .first
        let last = share ?? Position(rawValue: .max)
        let isAll = request.from == nil && request.to == nil && request.filter == ReplayRequest.Filter()
        let selected: SQL =
            isAll
            ? "true"
            : """
            EXISTS (
                SELECT
                FROM ledger.event AS e
                WHERE e.share_id = sh.share_id
                    AND e.type IN \(Self.messageTypes)
                    AND \(range)
                    AND \(filtered)
            )
            """
        while true {
            let rows = try session.query(
                """
                SELECT sh.share_id, sh.ticket
                FROM ledger.share AS sh
                JOIN projection.ticket_head AS t ON t.share_id = sh.share_id
                WHERE sh.stream_id = \(agreement.stream)
                    AND sh.share_id BETWEEN \(next) AND \(last)
                    AND \(selected)
                ORDER BY sh.share_id
                LIMIT \(Int64(Self.pageCount))
                """
            )
            for row in rows {
                let found = try row[0, as: Position.self]
                _ = try place(of: agreement, found, row[1, as: String.self])
                next = found.next
            }
            guard try goesOn(after: rows.count) else { return }
        }
    }

    /// What the filter leaves of the messages `e` of a share, whose state is sent then.
    private var filtered: SQL {
        var condition: SQL = "true"
        if let directions = request.filter.directions {
            condition += " AND e.direction = ANY (\(directions.map(\.rawValue)))"
        }
        if let types = request.filter.types { condition += " AND e.type = ANY (\(types.map(\.rawValue)))" }
        switch request.filter.extent {
        case .all: break
        case .unacknowledged: condition += " AND NOT \(isAcknowledged)"
        case .sinceLastSuccess:
            condition += """
                 AND NOT \(isAcknowledged)
                AND NOT EXISTS (
                    SELECT
                    FROM ledger.event AS later
                    WHERE later.share_id = e.share_id
                        AND later.share_seq > e.share_seq
                        AND later.direction = \(request.target.ownDirection.rawValue)
                        AND later.type IN \(Self.messageTypes)
                        AND \(isAnswered("later"))
                )
                """
        }
        return condition
    }

    /// Whether an agreement's message says its status, as far as its facts know.
    static func saysStatus(_ message: SQL) -> SQL {
        """
        EXISTS (
            SELECT
            FROM ledger.payload AS f
            WHERE f.position = \(message).position
                AND f.part = 'facts'
                AND ledger.json(f.content) -> 'set' ? 'status'
        )
        """
    }

    /// Whether the target has taken the message `e`, or has said it itself.
    private var isAcknowledged: SQL {
        guard request.target.kind != .sandbox else { return "false" }
        return "(e.direction <> \(request.target.ownDirection.rawValue) OR \(isAnswered("e")))"
    }

    /// Whether the target has answered a message with success.
    ///
    /// An attempt's direction says where it went; the state of a ticket that a partner got under the name of a message that
    /// came in may be recorded as going there as well.
    private func isAnswered(_ message: SQL) -> SQL {
        let destination: SQL =
            request.target.kind == .desk
            ? """
             AND EXISTS (
                SELECT
                FROM ledger.payload AS f
                WHERE f.position = a.position
                    AND f.part = 'facts'
                    AND ledger.json(f.content) ->> 'destination' = 'desk'
            )
            """ : ""
        return """
            EXISTS (
                SELECT
                FROM ledger.event AS a
                WHERE a.about = \(message).event_id
                    AND a.type = 'attempt.succeeded'
                    AND a.direction = \(request.target.ownDirection.rawValue)
                    \(destination)
            )
            """
    }

    private func goesOn(after count: Int) throws -> Bool {
        try Task.checkCancellation()
        return count == Self.pageCount
    }

    /// Where a lane's material is, which is begun if need be.
    private mutating func place(of agreement: AgreementRecord, _ share: Position?, _ ticket: String?) throws -> Int {
        let destination = request.target.destination(agreement.partner)
        let lane = ShareLane(destination: destination, stream: agreement.stream, share: share)
        if let place = places[lane] { return place }
        let id = ticket.flatMap { TicketID($0) }
        guard (id == nil) == (share == nil) else {
            throw PostgresError(
                .decoding,
                "share \(share.map { "\($0)" } ?? "") is of a ticket whose name is no identifier"
            )
        }
        let place = material.lanes.count
        places[lane] = place
        material.lanes.append(LaneMaterial(lane: lane, agreement: agreement.agreement.id, ticket: id))
        return place
    }
}
