import Cryptography
import Ledger
import Postgres

/// Looks at the events of a range of positions, in order.
struct StretchAudit: ~Copyable {
    /// Events that are read at once, and about how many bytes of their parts.
    private static let pageCount = 1000
    private static let pageByteCount = 4 << 20

    /// Missing parts for which erasures are looked up together.
    private static let missingCount = 10_000

    private let stretch: Range<Position>
    private let report: (Int) -> Void
    private var found = AuditReport()
    private var sha256 = SHA256()
    private var streams = AuditChains(.stream)
    private var shares = AuditChains(.share)
    private var missing: Set<PartPlace> = []

    /// The first position that was not seen yet, and when the event before it was recorded.
    private var next: Position
    private var recorded: Timestamp?

    /// The last position that was found to have bytes and no event.
    private var stray: Position?

    /// - Parameter report: Told how many more events were looked at.
    init(_ stretch: Range<Position>, report: @escaping (Int) -> Void) {
        self.stretch = stretch
        self.report = report
        next = stretch.lowerBound
    }

    mutating func run(in session: inout PostgresSession) throws -> AuditReport {
        let before = Position(rawValue: stretch.lowerBound.rawValue - 1)
        recorded = try session.query("SELECT recorded_at FROM ledger.event WHERE position = \(before)").first
            .map { (row) throws(PostgresError) in try row[0, as: Timestamp.self] }
        while next < stretch.upperBound {
            try Task.checkCancellation()
            let start = next
            let rows = try session.query(page(from: start))
            let isLast = rows.count < Self.pageCount
            let events = try take(rows, in: &session)
            if isLast { try close(gapBefore: stretch.upperBound, in: &session) }
            try checkChains(of: events, in: &session)
            try checkParts(of: events, from: start, to: next, in: &session)
            report(Int(next.rawValue - start.rawValue))
        }
        try settleMissing(in: &session)
        try checkNames(in: &session)
        return found
    }

    private func page(from start: Position) -> SQL {
        """
        SELECT \(unescaped: StoredEvent.columns)
        FROM \(unescaped: StoredEvent.tables)
        WHERE e.position >= \(start)
            AND e.position < \(stretch.upperBound)
        ORDER BY e.position
        LIMIT \(Int64(Self.pageCount))
        """
    }
}

// MARK: - Events

extension StretchAudit {
    /// Decodes a page, and checks leaves, positions and times; returns the events that can be read.
    private mutating func take(_ rows: Rows, in session: inout PostgresSession) throws -> [StoredEvent] {
        var events: [StoredEvent] = []
        events.reserveCapacity(rows.count)
        for row in rows {
            let position = try row[0, as: Position.self]
            try close(gapBefore: position, in: &session)
            next = position.next
            let event: StoredEvent
            do throws(PostgresError) {
                event = try StoredEvent(row)
            } catch {
                found.add(AuditFault(position, "event \(position) cannot be read: \(error)"))
                continue
            }
            found.eventCount += 1
            if !event.hasTrueLeaf(with: &sha256) {
                found.add(AuditFault(position, "the leaf of event \(position) is not the one that was hashed"))
            }
            if let recorded, recorded >= event.recorded {
                found.add(AuditFault(position, "event \(position) was recorded no later than the one before it"))
            }
            recorded = event.recorded
            events.append(event)
        }
        return events
    }

    /// Says which positions before `position` have no event, or one whose stream, share or epoch is gone.
    private mutating func close(gapBefore position: Position, in session: inout PostgresSession) throws(PostgresError) {
        guard next < position else { return }
        defer { next = position }
        let orphans = try session.query(
            """
            SELECT position
            FROM ledger.event
            WHERE position >= \(next)
                AND position < \(position)
            ORDER BY position
            """
        )
        var free = next
        for row in orphans {
            let orphan = try row[0, as: Position.self]
            addGap(free..<orphan)
            found.add(AuditFault(orphan, "event \(orphan) is of a stream or an epoch that is not there"))
            free = orphan.next
        }
        addGap(free..<position)
    }

    private mutating func addGap(_ gap: Range<Position>) {
        guard !gap.isEmpty else { return }
        let last = Position(rawValue: gap.upperBound.rawValue - 1)
        let text =
            gap.lowerBound == last
            ? "there is no event at position \(last)" : "there are no events at positions \(gap.lowerBound) to \(last)"
        found.add(AuditFault(gap.lowerBound, text))
    }
}

// MARK: - Chains

extension StretchAudit {
    private mutating func checkChains(of events: [StoredEvent], in session: inout PostgresSession) throws {
        for event in events {
            if let fault = streams.take(event, event.streamID, event.streamLink) { found.add(fault) }
            if let share = event.share, let link = event.shareLink, let fault = shares.take(event, share, link) {
                found.add(fault)
            }
        }
        for fault in try streams.settle(before: next, in: &session) { found.add(fault) }
        for fault in try shares.settle(before: next, in: &session) { found.add(fault) }
    }

    /// Names of streams and shares are those of their first events.
    private mutating func checkNames(in session: inout PostgresSession) throws(PostgresError) {
        let rows = try session.query(
            """
            SELECT s.stream_id, 'stream'
            FROM ledger.stream AS s
            LEFT JOIN ledger.event AS e ON e.position = s.stream_id
            WHERE s.stream_id >= \(stretch.lowerBound)
                AND s.stream_id < \(stretch.upperBound)
                AND (e.stream_id, e.stream_seq) IS DISTINCT FROM (s.stream_id, 0)
            UNION ALL
            SELECT sh.share_id, 'share'
            FROM ledger.share AS sh
            LEFT JOIN ledger.event AS e ON e.position = sh.share_id
            WHERE sh.share_id >= \(stretch.lowerBound)
                AND sh.share_id < \(stretch.upperBound)
                AND (e.stream_id, e.share_id, e.share_seq) IS DISTINCT FROM (sh.stream_id, sh.share_id, 0)
            """
        )
        for row in rows {
            let (position, kind) = try row.decode((Position, String).self)
            found.add(AuditFault(position, "the \(kind) that begins at position \(position) has no such first event"))
        }
    }
}

// MARK: - Parts

extension StretchAudit {
    /// Checks the parts of events, and that from one position to another there are no others.
    private mutating func checkParts(
        of events: [StoredEvent],
        from start: Position,
        to end: Position,
        in session: inout PostgresSession,
    ) throws {
        var lower = start
        var rest = events[...]
        repeat {
            var byteCount = 0
            let group = rest.prefix { event in
                let isFirst = byteCount == 0
                byteCount += event.parts.reduce(1) { $0 + $1.byteCount }
                return isFirst || byteCount <= Self.pageByteCount
            }
            rest = rest.dropFirst(group.count)
            let upper = rest.first?.position ?? end
            let rows = try session.query(Statements.parts(lower, upper))
            try checkParts(rows, of: group)
            lower = upper
            if missing.count >= Self.missingCount { try settleMissing(in: &session) }
        } while !rest.isEmpty
    }

    private mutating func checkParts(_ rows: Rows, of events: ArraySlice<StoredEvent>) throws(PostgresError) {
        var number = 0
        for event in events {
            var parts: [StoredPart] = []
            while number < rows.count {
                let row = rows[number]
                let position = try row[0, as: Position.self]
                guard position <= event.position else { break }
                number += 1
                guard position == event.position else {
                    addStray(position)
                    continue
                }
                if let part = try part(row, of: event) { parts.append(part) }
            }
            for line in event.parts {
                guard let part = parts.first(where: { $0.name == line.name }) else {
                    missing.insert(PartPlace(event.position, line.name))
                    continue
                }
                found.partCount += 1
                if !part.matches(line, with: &sha256) {
                    found.add(AuditFault(PartFault(PartPlace(event.position, line.name), .altered)))
                }
            }
        }
        while number < rows.count {
            addStray(try rows[number][0, as: Position.self])
            number += 1
        }
    }

    /// The part in a row; `nil`, and a fault, for one that the event's leaf does not name.
    private mutating func part(_ row: Row, of event: StoredEvent) throws(PostgresError) -> StoredPart? {
        let text = try row[1, as: String.self]
        guard let name = PartName(rawValue: text), event.parts.contains(where: { $0.name == name }) else {
            let description = "event \(event.position) has bytes for a part that its leaf does not name"
            found.add(AuditFault(event.position, description))
            return nil
        }
        return StoredPart(
            name: name,
            content: try row[2, as: [UInt8].self],
            salt: try row[3, as: [UInt8].self],
            chunkLengths: try row[4, as: [Int32]?.self].map { $0.map { Int($0) } },
        )
    }

    private mutating func addStray(_ position: Position) {
        guard stray != position else { return }
        stray = position
        found.add(AuditFault(stray: position))
    }

    private mutating func settleMissing(in session: inout PostgresSession) throws(PostgresError) {
        guard !missing.isEmpty else { return }
        let erased = try Erasures.accounting(for: missing, in: &session)
        found.erasedCount += erased.count
        for place in missing.subtracting(erased) { found.add(AuditFault(PartFault(place, .missing))) }
        missing.removeAll()
    }

    private enum Statements {
        static let parts = Statement<Position, Position>(
            """
            SELECT p.position, p.part, p.content, p.salt, p.chunk_lengths
            FROM ledger.payload AS p
            WHERE p.position >= $1
                AND p.position < $2
            ORDER BY p.position, p.part
            """
        )
    }
}
