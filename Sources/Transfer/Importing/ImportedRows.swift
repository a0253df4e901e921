import Ledger
import LedgerStore
import Postgres

/// An export that is to be imported, of which no more is read than how it begins.
package struct ImportSource: Sendable {
    let file: TransferFile
    let header: TransferHeader
    let reader: BlockReader

    /// Throws ``TransferFault`` where it is no export, or one of a schema that this program has not.
    package init(_ file: TransferFile) throws {
        var reader = try BlockReader(file)
        guard let first = try reader.next(), first.kind == .header else {
            throw TransferFault(.file, "the file does not begin as an export does")
        }
        let header = try TransferHeader(first)
        guard SchemaFile.all.contains(where: { $0.path == header.schema && $0.kind == "migrations" }) else {
            let text = "it was exported by a program that has schema/\(header.schema), which this one has not"
            throw TransferFault(.version, "\(text); use a newer shareledger")
        }
        self.file = file
        self.header = header
        self.reader = reader
    }
}

/// Copies the rows of an export into the tables, block by block, in the order in which they must stand there.
struct ImportedRows {
    private let file: TransferFile
    private var reader: BlockReader
    private var events = EventCount()
    private var table = TransferTable.payload

    /// The first position that has no partition.
    private var partitionLimit: Int64 = 0

    init(_ source: ImportSource) {
        file = source.file
        reader = source.reader
    }

    /// Reads to the end; returns what the export says of itself there.
    mutating func copy(
        in session: inout PostgresSession,
        _ progress: (TransferProgress) -> Void,
    ) throws -> TransferTrailer {
        let total = file.byteCount
        while let block = try reader.next() {
            try Task.checkCancellation()
            switch block.kind {
            case .header: throw TransferFault(block, "there is a second header")
            case .rows: try take(try RowBlock(block), in: &session)
            case .trailer: return try end(block)
            }
            let done = reader.byteCount
            progress(
                TransferProgress(step: .reading, done: done, total: total ?? done, eventCount: Int(events.next)),
            )
        }
        let advice =
            "the export was not finished: 'shareledger export FILE --resume' goes on with it where it was begun"
        throw TransferFault(.file, "the file ends after \(events.next) events without its trailer; \(advice)")
    }

    private mutating func take(_ rows: RowBlock, in session: inout PostgresSession) throws {
        switch rows.table {
        case .payload, .event: guard table <= .event else { throw misplaced(rows) }
        default: guard rows.table >= table else { throw misplaced(rows) }
        }
        table = rows.table
        try makeRoom(in: &session)
        switch table {
        case .payload: try events.check(parts: rows)
        case .event: try events.take(rows)
        default: break
        }
        do {
            try session.copyIn(table.copying) { writer in try writer.write(rows.bytes) }
        } catch let error as PostgresError where error.isAboutRows {
            throw TransferFault(rows.block, "the database does not take its rows of \(table.label): \(error)")
        }
    }

    private func misplaced(_ rows: RowBlock) -> TransferFault {
        TransferFault(rows.block, "its rows of \(rows.table.label) stand where none should")
    }

    /// Makes partitions for what comes next, while that is still ahead.
    private mutating func makeRoom(in session: inout PostgresSession) throws {
        let needed = events.next + EventCount.pageCount
        guard table <= .event, needed >= partitionLimit else { return }
        let limit = try session.query("SELECT ledger.ensure_partitions(\(needed))").onlyRow()
        partitionLimit = try limit[0, as: Int64.self]
    }

    private mutating func end(_ block: Block) throws -> TransferTrailer {
        let trailer = try TransferTrailer(block)
        guard trailer.size == events.next else {
            throw TransferFault(block, "it says that there are \(trailer.size) events, and there are \(events.next)")
        }
        guard trailer.size > 0 else { throw TransferFault(block, "there are no events") }
        guard trailer.root == events.root() else {
            throw TransferFault(block, "the root over the leaves is not the one that it says")
        }
        guard try reader.next() == nil else { throw TransferFault(block, "there is more behind it") }
        return trailer
    }
}

extension TransferTable {
    /// As messages name it.
    var label: String { "\(name.schema).\(name.table)" }
}
