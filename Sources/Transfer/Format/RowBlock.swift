import Cryptography
import Ledger

/// Rows of one table, gathered until they are worth a block.
///
/// A block's payload is a byte for the table, the number of rows in four, and the rows as PostgreSQL's binary COPY has them.
struct RowGatherer {
    /// From this size on a block is written.
    static let byteCount = 1 << 20

    private let table: TransferTable
    private(set) var count: UInt32 = 0
    private var rows: [UInt8] = []

    init(_ table: TransferTable) {
        self.table = table
    }

    /// Adds a row; returns a payload where there is enough for one.
    mutating func add(_ row: [UInt8]) -> [UInt8]? {
        let full = !rows.isEmpty && rows.count + row.count > Self.byteCount ? take() : nil
        rows += row
        count += 1
        return full
    }

    /// What is left, if anything.
    mutating func take() -> [UInt8]? {
        guard count > 0 else { return nil }
        var payload = [table.rawValue]
        payload.reserveCapacity(rows.count + 5)
        payload.append(networkOrder: count)
        payload += rows
        rows.removeAll(keepingCapacity: true)
        count = 0
        return payload
    }
}

/// The rows of a block, each of them looked through: as many columns as the table has, none longer than what is there.
struct RowBlock {
    let block: Block
    let table: TransferTable
    let rows: [Row]

    /// Where a row's columns stand in the payload; `nil` for NULL.
    struct Row {
        let columns: [Range<Int>?]
    }

    /// Bytes before the first row.
    private static let headByteCount = 5

    init(_ block: Block) throws {
        let payload = block.payload
        guard payload.count >= Self.headByteCount, let table = TransferTable(rawValue: payload[0]) else {
            throw TransferFault(block, "it holds rows of a table that this program does not know")
        }
        let count = payload.number(at: 1, as: UInt32.self)
        var offset = Self.headByteCount
        func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
            guard payload.count - offset >= Number.bitWidth / 8 else {
                throw TransferFault(block, "a row ends within a length")
            }
            defer { offset += Number.bitWidth / 8 }
            return payload.number(at: offset, as: type)
        }
        var rows: [Row] = []
        while offset < payload.count {
            // Only a row that is larger than that by itself makes a larger block: what is held of rows has a bound.
            guard rows.isEmpty || payload.count <= RowGatherer.byteCount + Self.headByteCount else {
                throw TransferFault(block, "it is larger than a block of several rows can be")
            }
            guard try number(Int16.self) == table.columns.count else {
                throw TransferFault(block, "a row has not \(table.columns.count) columns")
            }
            var columns: [Range<Int>?] = []
            columns.reserveCapacity(table.columns.count)
            for _ in table.columns {
                let length = Int(try number(Int32.self))
                guard length >= -1, length <= payload.count - offset else {
                    throw TransferFault(block, "a column says that it is \(length) bytes long, and is not")
                }
                columns.append(length < 0 ? nil : offset..<offset + length)
                offset += max(length, 0)
            }
            rows.append(Row(columns: columns))
        }
        guard rows.count == count, !rows.isEmpty else {
            throw TransferFault(block, "it has not as many rows as it says")
        }
        self.block = block
        self.table = table
        self.rows = rows
    }

    /// The rows as COPY takes them.
    var bytes: [UInt8] { Array(block.payload[Self.headByteCount...]) }

    /// The number in a column of eight bytes.
    func number(_ row: Row, _ column: Int) throws -> Int64 {
        guard let range = row.columns[column], range.count == 8 else {
            throw TransferFault(block, "column \(table.columns[column]) holds no number")
        }
        return block.payload.number(at: range.lowerBound, as: Int64.self)
    }

    /// The digest in a column.
    func digest(_ row: Row, _ column: Int) throws -> Digest {
        guard let range = row.columns[column], let digest = Digest(block.payload[range]) else {
            throw TransferFault(block, "column \(table.columns[column]) holds no digest")
        }
        return digest
    }
}

/// The events of an export as they pass: one after another from position 0 on, and the tree over their leaves.
struct EventCount {
    /// Events that go into one block, and so positions that the parts before it may be of.
    static let pageCount: Int64 = 1000

    private(set) var next: Int64 = 0
    private(set) var tree = MerkleFrontier()
    private(set) var lastLeaf: Digest?
    private var sha256 = SHA256()

    private static let leafColumn = 15

    mutating func take(_ rows: RowBlock) throws {
        guard rows.rows.count <= Self.pageCount else { throw TransferFault(rows.block, "it holds too many events") }
        for row in rows.rows {
            let position = try rows.number(row, 0)
            guard position == next else {
                let expected = Position(rawValue: next)
                throw TransferFault(
                    rows.block,
                    "event \(position) stands where event \(expected) should",
                    position: expected,
                )
            }
            let leaf = try rows.digest(row, Self.leafColumn)
            tree.append(leaf, with: &sha256)
            lastLeaf = leaf
            next += 1
        }
    }

    /// Looks whether parts are of the events that come next.
    func check(parts rows: RowBlock) throws {
        for row in rows.rows {
            let position = try rows.number(row, 0)
            guard position >= next, position < next + Self.pageCount else {
                let text = "there are bytes of event \(position) where those of event \(next) and after should be"
                throw TransferFault(rows.block, text, position: Position(rawValue: position))
            }
        }
    }

    mutating func root() -> Digest { tree.root(with: &sha256) }
}
