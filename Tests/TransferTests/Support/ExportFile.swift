import Cryptography
import Foundation
import Ledger
import Linux
import Postgres
import TestRequests
import TestSupport
import Transfer

/// An export in a file, taken apart and put together again by the description of its format, not by the code under test.
struct ExportFile {
    struct Block: Equatable {
        var kind: UInt8
        var payload: [UInt8]

        /// The table of a block of rows.
        var table: UInt8? { kind == 2 ? payload.first : nil }
    }

    static let magic = Array("shareledger-export/1\n".utf8)

    var blocks: [Block] = []

    init(_ bytes: [UInt8]) throws {
        guard bytes.starts(with: Self.magic) else { throw Unexpected(text: "no export") }
        var rest = bytes.dropFirst(Self.magic.count)
        while !rest.isEmpty {
            let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
            blocks.append(Block(kind: rest[rest.startIndex], payload: Array(rest.dropFirst(5).prefix(length))))
            rest = rest.dropFirst(5 + length + 32)
        }
    }

    /// The file, with all checksums made anew.
    var bytes: [UInt8] {
        var sha256 = SHA256()
        sha256.update(Self.magic)
        var checksum = sha256.finalize()
        var bytes = Self.magic
        for block in blocks {
            let head = [block.kind] + Self.number(block.payload.count)
            sha256.update(checksum)
            sha256.update(head)
            sha256.update(block.payload)
            checksum = sha256.finalize()
            bytes += head + block.payload + checksum.bytes
        }
        return bytes
    }

    /// Where each block begins.
    var offsets: [Int] {
        blocks.reduce(into: [Self.magic.count]) { $0.append(($0.last ?? 0) + 5 + $1.payload.count + 32) }
    }

    static func number(_ number: Int) -> [UInt8] {
        (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

// MARK: - Rows

extension ExportFile {
    /// The rows of a block as their columns; `nil` for NULL.
    static func rows(_ payload: [UInt8]) -> [[[UInt8]?]] {
        var rest = payload.dropFirst(5)
        func take(_ count: Int) -> [UInt8] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func number(_ count: Int) -> Int { take(count).reduce(0) { $0 << 8 | Int($1) } }
        var rows: [[[UInt8]?]] = []
        while !rest.isEmpty {
            rows.append(
                (0..<number(2)).map { _ in
                    let length = number(4)
                    return length == 0xffff_ffff ? nil : take(length)
                },
            )
        }
        return rows
    }

    static func payload(_ table: UInt8, _ rows: [[[UInt8]?]]) -> [UInt8] {
        [table] + number(rows.count)
            + rows.flatMap { row in
                number(row.count).suffix(2)
                    + row.flatMap { column in column.map { number($0.count) + $0 } ?? [255, 255, 255, 255] }
            }
    }

    /// Changes the rows of all blocks of a table.
    mutating func change(_ table: UInt8, _ body: (inout [[[UInt8]?]]) throws -> Void) rethrows {
        for index in blocks.indices where blocks[index].table == table {
            var rows = Self.rows(blocks[index].payload)
            try body(&rows)
            blocks[index].payload = Self.payload(table, rows)
        }
        blocks.removeAll { $0.table == table && Self.rows($0.payload).isEmpty }
    }
}

// MARK: - Exporting and importing

extension TestDatabase {
    /// An export of the ledger as it stands.
    func exported() throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        let path = directory.path(of: "export")
        try export(to: path)
        return Array(try Data(contentsOf: URL(filePath: path)))
    }

    @discardableResult
    func export(to path: String, isResumed: Bool = false) throws -> LedgerExport.Report {
        var session = try session()
        return try LedgerExport.run(
            in: &session,
            to: try TransferFile.toExport(path, isResumed: isResumed),
            isResumed: isResumed,
        )
    }

    /// Makes a ledger of an export.
    @discardableResult
    func importing(_ bytes: [UInt8], keys: KeyRing? = MemoryLedger.keys) throws -> LedgerImport.Report {
        let directory = try TemporaryDirectory()
        let path = directory.path(of: "export")
        try Data(bytes).write(to: URL(filePath: path))
        var session = try PostgresSession.open(LedgerImport.configured(configuration()))
        return try LedgerImport(keys: keys, operator: "tests").run(
            in: &session,
            from: try ImportSource(try TransferFile.toImport(path))
        )
    }
}
