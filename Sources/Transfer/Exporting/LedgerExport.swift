package import Cryptography
package import Ledger
import LedgerStore
package import Postgres

/// Writes a ledger into a file: all events and parts in order of position, then what no event says.
///
/// Events are read a page at a time, each by a statement of its own: what is committed never changes and has no gaps. Only
/// the last of them, and the tables beside them, are read in one snapshot, so that they fit each other.
package enum LedgerExport {
    /// What was written.
    package struct Report: Sendable, Equatable {
        package let origin: Origin

        /// Events, of which so many were in the file already.
        package let eventCount: Int64
        package let resumedCount: Int64

        /// RFC 6962, over all leaves.
        package let root: Digest

        /// Bytes of the file.
        package let byteCount: Int

        /// Events that say what was erased while the export ran: the file may hold what they erased.
        package let erasures: [Position]
    }

    /// Events that may be left for the snapshot.
    private static let tailCount: Int64 = 10_000

    /// - Parameters:
    ///   - session: As the service's role, outside of a transaction.
    ///   - isResumed: Whether the file holds the beginning of an export.
    package static func run(
        in session: inout PostgresSession,
        to file: TransferFile,
        isResumed: Bool,
        progress: (TransferProgress) -> Void = { _ in },
    ) throws -> Report {
        guard let identity = try LedgerIdentity.read(in: &session) else { throw AppendError.notInitialized }
        let header = TransferHeader(
            origin: identity.origin,
            firstLeaf: identity.firstLeaf,
            schema: try schema(in: &session),
            size: try LedgerReader.size(in: &session).rawValue,
        )
        var pages: EventPages
        if isResumed {
            let begun = try BegunExport(file, progress)
            try begun.check(header, in: &session)
            if let report = begun.report(header.origin) { return report }
            pages = try EventPages(continuing: begun, file)
        } else {
            pages = try EventPages(beginning: file, header)
        }
        let resumedCount = pages.events.next
        var size = try LedgerReader.size(in: &session).rawValue
        // Where events come as fast as they are written, the snapshot takes what is left.
        for _ in 0..<20 where size - pages.events.next > tailCount {
            try pages.write(upTo: size - size % EventCount.pageCount, of: size, in: &session, progress)
            size = try LedgerReader.size(in: &session).rawValue
        }
        return try session.transaction(.snapshot) { session in
            let size = try LedgerReader.size(in: &session).rawValue
            try pages.write(upTo: size, of: size, in: &session, progress)
            for table in TransferTable.state { try pages.write(table, in: &session) }
            let trailer = TransferTrailer(size: size, root: pages.events.root())
            try pages.writer.write(.trailer, trailer.payload)
            try pages.writer.synchronize()
            return Report(
                origin: identity.origin,
                eventCount: size,
                resumedCount: resumedCount,
                root: trailer.root,
                byteCount: pages.writer.byteCount,
                erasures: try erasures(since: pages.header.size, in: &session),
            )
        }
    }

    private static func schema(in session: inout PostgresSession) throws(PostgresError) -> String {
        try session.query("SELECT max(path) FROM ledger.migration WHERE path LIKE 'migrations/%'")
            .onlyRow()[0, as: String.self]
    }

    private static func erasures(since start: Int64, in session: inout PostgresSession) throws(PostgresError)
        -> [Position]
    {
        try session.query(
            """
            SELECT position
            FROM ledger.event
            WHERE type = 'payload.erased'
                AND position >= \(start)
            ORDER BY position
            """
        ).decode((Position).self)
    }
}

/// Writes pages of events, the parts of each page before it.
private struct EventPages {
    let header: TransferHeader
    var writer: BlockWriter
    var events: EventCount

    init(beginning file: TransferFile, _ header: TransferHeader) throws {
        self.header = header
        writer = try BlockWriter(beginning: file)
        events = EventCount()
        try writer.write(.header, header.payload)
    }

    init(continuing begun: BegunExport, _ file: TransferFile) throws {
        header = begun.header
        writer = try BlockWriter(continuing: file, after: begun.checksum, byteCount: begun.byteCount)
        events = begun.events
    }

    mutating func write(
        upTo end: Int64,
        of total: Int64,
        in session: inout PostgresSession,
        _ progress: (TransferProgress) -> Void,
    ) throws {
        while events.next < end {
            try Task.checkCancellation()
            let page = events.next..<min(end, events.next + EventCount.pageCount)
            let condition = SQL(unescaped: "position >= \(page.lowerBound) AND position < \(page.upperBound)")
            try write(.payload, where: condition, in: &session)
            var number = 0
            try write(.event, where: condition, in: &session) { events, payload, writer in
                try events.take(
                    try RowBlock(Block(kind: .rows, payload: payload, number: number, offset: writer.byteCount))
                )
                number += 1
            }
            guard events.next == page.upperBound else {
                let missing = Position(rawValue: events.next)
                let advice = "'shareledger doctor --all' names all that is wrong"
                throw TransferFault(.file, "there is no event at position \(missing); \(advice)", position: missing)
            }
            let done = Int(events.next)
            progress(TransferProgress(step: .writing, done: done, total: Int(total), eventCount: done))
        }
    }

    /// Writes one table as it stands.
    mutating func write(_ table: TransferTable, in session: inout PostgresSession) throws {
        try write(table, where: "true", in: &session)
    }

    private mutating func write(
        _ table: TransferTable,
        where condition: SQL,
        in session: inout PostgresSession,
        _ note: (inout EventCount, [UInt8], BlockWriter) throws -> Void = { _, _, _ in },
    ) throws {
        var gathered = RowGatherer(table)
        try session.copyRows(of: table.rows(where: condition)) { row in
            guard let payload = gathered.add(row) else { return }
            try note(&events, payload, writer)
            try writer.write(.rows, payload)
        }
        if let payload = gathered.take() {
            try note(&events, payload, writer)
            try writer.write(.rows, payload)
        }
    }
}
