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
        e.part_lengths[array_position(e.part_names, 'body')], e.part_commitments[array_position(e.part_names, 'body')],
        e.part_lengths[array_position(e.part_names, 'facts')], e.part_commitments[array_position(e.part_names, 'facts')]
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
            body: try line(row, at: 9, .body),
            facts: try line(row, at: 11, .facts),
        )
    }

    private static func line(_ row: Row, at column: Int, _ name: PartName) throws(PostgresError) -> PartLine? {
        guard !row.isNull(column) else { return nil }
        let byteCount = Int(try row[column, as: Int64.self])
        return PartLine(name: name, byteCount: byteCount, commitment: try row[column + 1, as: Digest.self])
    }

    /// How many of the first heads are read together.
    static func pageEnd(_ heads: ArraySlice<TicketEventHead>) -> Int {
        var byteCount = 0
        for (index, head) in zip(heads.indices, heads) {
            byteCount += head.body?.byteCount ?? 0
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
            let contents = try contents(try session.query(contents(of: page)), of: page, in: &session)
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

    /// The bytes of messages, each part held against its commitment.
    ///
    /// - Parameter isTrusted: Leaves the commitments alone, as ``FollowerStep`` does; what is gone is found even so.
    static func contents(
        _ rows: Rows,
        of heads: ArraySlice<TicketEventHead>,
        isTrusted: Bool = false,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [Position: TicketEventContent] {
        var contents: [Position: TicketEventContent] = [:]
        contents.reserveCapacity(heads.count)
        let lines = isTrusted ? [:] : Dictionary(heads.map { ($0.position, $0) }, uniquingKeysWith: { $1 })
        var sha256 = SHA256()
        for row in rows {
            let position = try row[0, as: Position.self]
            let isBody = try row[1, as: Bool.self]
            let bytes = try row[2, as: [UInt8].self]
            if isBody {
                contents[position, default: TicketEventContent()].body = bytes
                contents[position]?.isCut = try row[3, as: Bool.self]
            } else {
                contents[position, default: TicketEventContent()].facts = bytes
            }
            guard !isTrusted, let head = lines[position] else { continue }
            let part = StoredPart(
                name: isBody ? .body : .facts,
                content: bytes,
                salt: try row[4, as: [UInt8].self],
                chunkLengths: try row[5, as: [Int32]?.self].map { $0.map { Int($0) } },
            )
            guard let line = isBody ? head.body : head.facts, part.matches(line, with: &sha256) else {
                contents[position]?.damage = PartFault(PartPlace(position, part.name), .altered)
                continue
            }
        }
        for fault in try gone(from: contents, of: heads, in: &session) {
            contents[fault.place.position, default: TicketEventContent()].damage = fault
        }
        return contents
    }

    /// Parts that are not there, and that no erasure accounts for.
    private static func gone(
        from contents: [Position: TicketEventContent],
        of heads: ArraySlice<TicketEventHead>,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> [PartFault] {
        var missing: Set<PartPlace> = []
        for head in heads {
            let content = contents[head.position]
            if content?.facts == nil { missing.insert(PartPlace(head.position, .facts)) }
            if head.body != nil, content?.body == nil { missing.insert(PartPlace(head.position, .body)) }
        }
        guard !missing.isEmpty else { return [] }
        let erased = try Erasures.accounting(for: missing, in: &session)
        return missing.subtracting(erased).map { PartFault($0, .missing) }
    }

    private enum Statements {
        static let contents = Statement<[Position], Position, Position>(
            """
            SELECT p.position, p.part = 'body', p.content, p.splices IS NOT NULL, p.salt, p.chunk_lengths
            FROM ledger.payload AS p
            WHERE p.position = ANY ($1)
                AND p.position >= $2
                AND p.position <= $3
                AND p.part IN ('body', 'facts')
            """
        )
    }
}
