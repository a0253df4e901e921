import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// Folds all shares of a range from their first message on, one after the other, in bounded memory.
///
/// Messages are read in the order of shares, over the index that numbers them, a page at a time: however long a share is
/// and however many there are, a page of messages, one ticket and some rows are all that is held.
struct ShareScan {
    /// Positions that scans go up to; neither is included.
    struct Bounds: Sendable {
        /// Of all messages, for heads.
        let end: Position

        /// Of those that tickets and comments are made of; not after ``end``.
        let followed: Position
    }

    /// What became of a range.
    struct Summary: Sendable {
        var shareCount = 0
        var eventCount = 0

        /// How many comments each share has, as far as rows were made.
        var commentCounts: [Position: Int] = [:]
    }

    /// Heads of messages that are read together.
    private static let headCount = 4096

    private let bounds: Bounds
    private var rows: FoldedRows
    private var current: Share?
    private var summary = Summary()

    /// A share that is being folded, and whether its ticket's row was made already.
    private struct Share {
        var fold: ShareFold
        var isWritten = false
    }

    init(_ bounds: Bounds, rows: FoldedRows) {
        self.bounds = bounds
        self.rows = rows
    }

    /// Folds the shares whose identifiers are in `range`, and lends their rows whenever there are enough.
    mutating func run(
        _ range: Range<Position>,
        in session: inout PostgresSession,
        _ body: (inout PostgresSession, inout FoldedRows) throws -> Void,
    ) throws -> Summary {
        summary = Summary()
        let tickets = try names(in: range, &session)
        try noteGaps(of: Array(tickets.keys), &session)
        var after: (share: Position, sequence: Int64) = (range.lowerBound, -1)
        while true {
            let heads = try TicketEventReader.heads(try session.query(heads(range, after)))
            var rest = heads[...]
            while !rest.isEmpty {
                let page = rest[..<TicketEventReader.pageEnd(rest)]
                rest = rest[page.endIndex...]
                let found = try session.query(TicketEventReader.contents(of: page))
                let contents = try TicketEventReader.contents(found, of: page, in: &session)
                for head in page {
                    try take(TicketEvent(head, contents[head.position]), tickets)
                    if rows.isFull { try handOver(&session, body) }
                }
            }
            guard heads.count == Self.headCount, let last = heads.last else { break }
            after = (last.share, last.sequence)
        }
        try finishShare()
        try handOver(&session, body)
        return summary
    }

    /// What is gone of shares is said before what is left of them is folded.
    private mutating func noteGaps(of shares: [Position], _ session: inout PostgresSession) throws(PostgresError) {
        for share in try ChainGap.shares(among: shares, &session) {
            for gap in try ChainGap.all(inShare: share, &session) {
                try rows.add(FoldFault(gap), share: share)
            }
        }
    }

    private mutating func handOver(
        _ session: inout PostgresSession,
        _ body: (inout PostgresSession, inout FoldedRows) throws -> Void,
    ) throws {
        try body(&session, &rows)
        rows.removeAll()
    }

    // MARK: Folding

    private mutating func take(_ event: TicketEvent, _ tickets: [Position: TicketID]) throws(PostgresError) {
        let share = event.head.share
        if current?.fold.share != share {
            try finishShare()
            guard let ticket = tickets[share] else {
                throw PostgresError(.decoding, "event \(event.head.position) is of a share that is not in ledger.share")
            }
            current = Share(fold: ShareFold(share: share, ticket: ticket))
        }
        summary.eventCount += 1
        let isFollowed = event.head.position < bounds.followed
        if !isFollowed { try writeTicket() }
        let comments: [FoldedComment]
        do throws(FoldFault) {
            comments = try current?.fold.apply(event) ?? []
        } catch {
            try rows.add(error, share: share)
            return
        }
        guard isFollowed else { return }
        for comment in comments {
            try rows.add(comment)
        }
    }

    private mutating func writeTicket() throws(PostgresError) {
        guard let share = current, !share.isWritten else { return }
        current?.isWritten = true
        // Of a share that begins later nothing is followed yet.
        guard share.fold.last != nil else { return }
        try rows.add(share.fold)
        summary.commentCounts[share.fold.share] = share.fold.commentCount
    }

    private mutating func finishShare() throws(PostgresError) {
        guard let share = current else { return }
        try writeTicket()
        try rows.addHead(of: share.fold)
        summary.shareCount += 1
        current = nil
    }
}

// MARK: - Statements

extension ShareScan {
    private func names(
        in range: Range<Position>,
        _ session: inout PostgresSession,
    ) throws(PostgresError) -> [Position: TicketID] {
        let rows = try session.query(
            """
            SELECT sh.share_id, sh.ticket
            FROM ledger.share AS sh
            WHERE sh.share_id >= \(range.lowerBound)
                AND sh.share_id < \(range.upperBound)
            """
        )
        var names: [Position: TicketID] = [:]
        for row in rows {
            let ticket: TicketID = try row.identifier(1)
            names[try row[0, as: Position.self]] = ticket
        }
        return names
    }

    private func heads(_ range: Range<Position>, _ after: (share: Position, sequence: Int64)) -> SQL {
        """
        SELECT \(unescaped: TicketEventReader.columns)
        FROM ledger.event AS e
        WHERE e.share_id >= \(range.lowerBound)
            AND e.share_id < \(range.upperBound)
            AND (e.share_id, e.share_seq) > (\(after.share), \(after.sequence))
            AND e.position < \(bounds.end)
            AND e.type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
        ORDER BY e.share_id, e.share_seq
        LIMIT \(Int64(Self.headCount))
        """
    }
}
