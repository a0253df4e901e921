import Cryptography
import Ledger
import Postgres
import Sharing

/// Looks at the events of a range of positions, in order.
struct StretchAudit: ~Copyable {
    /// Events that are read at once.
    private static let pageCount = 1000

    private let stretch: Range<Position>
    let keys: KeyRing?
    private let report: (Int) -> Void
    var found = AuditReport()
    var sha256 = SHA256()
    private var streams = AuditChains(.stream)
    private var shares = AuditChains(.share)
    var missing: Set<PartPlace> = []

    /// The first position that was not seen yet, and when the event before it was recorded.
    private var next: Position
    private var recorded: Timestamp?

    /// The last position that was found to have bytes and no event.
    var stray: Position?

    /// Events of the page that cannot be read, which is said of them, and so not of their bytes.
    var unreadable: Set<Position> = []

    /// - Parameter report: Told how many more events were looked at.
    init(_ stretch: Range<Position>, keys: KeyRing?, report: @escaping (Int) -> Void) {
        self.stretch = stretch
        self.keys = keys
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
            unreadable.removeAll()
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
                unreadable.insert(position)
                continue
            }
            found.eventCount += 1
            if !event.hasTrueLeaf(with: &sha256) {
                found.add(AuditFault(position, "the leaf of event \(position) is not the one that was hashed"))
            }
            if let recorded, recorded >= event.recorded {
                found.add(AuditFault(position, "event \(position) was recorded no later than the one before it"))
            }
            if event.format != Facts.format {
                found.add(AuditFault(position, "event \(position) is of the unknown format \(event.format)"))
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
            unreadable.insert(orphan)
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
