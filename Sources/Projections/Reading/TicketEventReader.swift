import Cryptography
import Ledger
import LedgerStore
import Postgres
import Sharing

/// Reads ticket messages for folding: first what they are, then as many of their bytes at once as memory allows.
enum TicketEventReader {
    /// The types of events that make tickets.
    static let types = EventType.allCases.filter { $0.changesState && $0.rawValue.hasPrefix("ticket.") }.map(\.rawValue)

    /// What a page of contents may hold.
    static let pageCount = 1000
    static let pageByteCount = 4 * 1024 * 1024

    /// What ``head(_:)`` reads, of `ledger.event AS e`.
    static let columns = """
        e.position, e.share_id, e.share_seq, e.type, e.direction, e.format, e.event_id, e.recorded_at, e.status,
        e.part_lengths[array_position(e.part_names, 'body')]
        """

    static func heads(_ rows: Rows) throws(PostgresError) -> [TicketEventHead] {
        var heads: [TicketEventHead] = []
        heads.reserveCapacity(rows.count)
        for row in rows {
            heads.append(try head(row))
        }
        return heads
    }

    private static func head(_ row: Row) throws(PostgresError) -> TicketEventHead {
        TicketEventHead(
            position: try row[0, as: Position.self],
            share: try row[1, as: Position.self],
            sequence: try row[2, as: Int64.self],
            type: try row.known(3),
            direction: try row.known(4),
            format: Int(try row[5, as: Int16.self]),
            event: try row[6, as: EventID.self],
            recorded: try row[7, as: Timestamp.self],
            status: Int(try row[8, as: Int32.self]),
            bodyByteCount: try row[9, as: Int64?.self].map { Int($0) },
        )
    }

    /// How many of the first heads are read together.
    static func pageEnd(_ heads: ArraySlice<TicketEventHead>) -> Int {
        var byteCount = 0
        for (index, head) in zip(heads.indices, heads) {
            byteCount += head.bodyByteCount ?? 0
            if index > heads.startIndex, byteCount > pageByteCount || index - heads.startIndex >= pageCount {
                return index
            }
        }
        return heads.endIndex
    }

    /// Lends messages with their bytes, a page of which is in memory at once.
    static func forEach(
        of heads: ArraySlice<TicketEventHead>,
        in session: inout PostgresSession,
        _ body: (TicketEvent) throws -> Void,
    ) throws {
        var rest = heads
        while !rest.isEmpty {
            let page = rest[..<pageEnd(rest)]
            rest = rest[page.endIndex...]
            let contents = try contents(try session.query(contents(of: page)))
            for head in page {
                try body(TicketEvent(head, contents[head.position]))
            }
        }
    }

    /// The statement for ``contents(_:)``.
    ///
    /// The bounds say again what the positions say, as partitions are left out by them even where a plan is reused.
    static func contents(of heads: ArraySlice<TicketEventHead>) -> SQL {
        let positions = heads.map(\.position)
        let (first, last) = (positions.min() ?? .first, positions.max() ?? .first)
        return Statements.contents(positions, first, last)
    }

    static func contents(_ rows: Rows) throws(PostgresError) -> [Position: TicketEventContent] {
        var contents: [Position: TicketEventContent] = [:]
        contents.reserveCapacity(rows.count / 2 + 1)
        for row in rows {
            let position = try row[0, as: Position.self]
            let bytes = try row[2, as: [UInt8].self]
            if try row[1, as: Bool.self] {
                contents[position, default: TicketEventContent()].body = bytes
                contents[position]?.isCut = try row[3, as: Bool.self]
            } else {
                contents[position, default: TicketEventContent()].facts = bytes
            }
        }
        return contents
    }

    private enum Statements {
        static let contents = Statement<[Position], Position, Position>(
            """
            SELECT p.position, p.part = 'body', p.content, p.splices IS NOT NULL
            FROM ledger.payload AS p
            WHERE p.position = ANY ($1)
                AND p.position >= $2
                AND p.position <= $3
                AND p.part IN ('body', 'facts')
            """
        )
    }
}
