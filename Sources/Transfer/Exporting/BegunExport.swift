import Cryptography
import Ledger
import LedgerStore
import Postgres

/// What is whole of an export that was interrupted: all up to the end of the last page of events.
///
/// What stands behind that is written again, whatever it is. A file in which something was altered is gone on with from
/// before that.
struct BegunExport {
    let header: TransferHeader

    /// Where the last whole page ends, and what is known there.
    private(set) var byteCount: Int
    private(set) var checksum: Digest
    private(set) var events = EventCount()

    /// The events that were read, and the last position of which there were parts: more than those is no end of a page.
    private var read = EventCount()
    private var lastPart: Int64 = -1

    /// Where the file has its end, and nothing is left to be done.
    private var trailer: TransferTrailer?

    /// Reads the file, however long that takes.
    init(_ file: TransferFile, _ progress: (TransferProgress) -> Void) throws {
        let total = file.byteCount
        var reader: BlockReader
        do {
            reader = try BlockReader(file)
            guard let first = try reader.next(), first.kind == .header else {
                throw TransferFault(.file, "it does not begin as an export does")
            }
            header = try TransferHeader(first)
        } catch let fault as TransferFault {
            throw TransferFault(fault.kind, "nothing of the file is of use: \(fault); delete it and begin anew")
        }
        byteCount = reader.byteCount
        checksum = reader.checksum
        do {
            var isWhole = true
            while isWhole, let block = try reader.next() {
                try Task.checkCancellation()
                isWhole = try take(block, reader)
                let done = reader.byteCount
                let count = Int(read.next)
                progress(TransferProgress(step: .reading, done: done, total: total ?? done, eventCount: count))
            }
            if trailer != nil, try reader.next() != nil { trailer = nil }
        } catch is TransferFault {
            trailer = nil
        }
    }

    /// Returns whether what follows can be of use.
    private mutating func take(_ block: Block, _ reader: BlockReader) throws -> Bool {
        switch block.kind {
        case .header: return false
        case .trailer:
            let end = try TransferTrailer(block)
            if end.size == events.next, end.root == read.root() {
                trailer = end
                byteCount = reader.byteCount
            }
            return false
        case .rows:
            let rows = try RowBlock(block)
            switch rows.table {
            case .payload:
                try read.check(parts: rows)
                for row in rows.rows { lastPart = max(lastPart, try rows.number(row, 0)) }
            case .event:
                try read.take(rows)
                guard lastPart < read.next else { break }
                events = read
                byteCount = reader.byteCount
                checksum = reader.checksum
            default: break
            }
            return true
        }
    }

    /// Throws unless it is of this ledger.
    func check(_ current: TransferHeader, in session: inout PostgresSession) throws {
        guard header.isContinued(by: current) else {
            throw TransferFault(.state, "the file is an export of \(header.origin), or was begun by another version")
        }
        guard let last = events.lastLeaf else { return }
        let rows = try session.query("SELECT leaf_hash FROM ledger.event WHERE position = \(events.next - 1)")
        guard try rows.first.map({ row in try row[0, as: Digest.self] }) == last else {
            throw TransferFault(.state, "the file is an export of another copy of \(header.origin)")
        }
    }

    /// What it came to, where it is complete.
    func report(_ origin: Origin) -> LedgerExport.Report? {
        trailer.map { trailer in
            LedgerExport.Report(
                origin: origin,
                eventCount: trailer.size,
                resumedCount: trailer.size,
                root: trailer.root,
                byteCount: byteCount,
                erasures: [],
            )
        }
    }
}
