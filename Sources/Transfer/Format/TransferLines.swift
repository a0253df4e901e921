import Cryptography
import Ledger
import LedgerStore

/// What an export says of itself before its rows: lines of a name and a value.
struct TransferHeader: Equatable {
    /// The ledger's, and the leaf hash of its first event.
    let origin: Origin
    let firstLeaf: Digest

    /// The last migration that the ledger's schema has had.
    let schema: String

    /// Events that there were when the export began.
    let size: Int64

    var payload: [UInt8] {
        Array(
            "origin-name \(origin.name)\norigin-epoch \(origin.epoch)\nfirst \(firstLeaf)\nschema \(schema)\nsize \(size)\n"
                .utf8
        )
    }

    init(origin: Origin, firstLeaf: Digest, schema: String, size: Int64) {
        self.origin = origin
        self.firstLeaf = firstLeaf
        self.schema = schema
        self.size = size
    }

    init(_ block: Block) throws {
        let lines = try TransferLines(block, ["origin-name", "origin-epoch", "first", "schema", "size"])
        guard let epoch = Int(lines["origin-epoch"]), let origin = Origin(name: lines["origin-name"], epoch: epoch),
            let first = bytes(hexadecimal: lines["first"]).flatMap({ Digest($0) }), let size = Int64(lines["size"])
        else { throw TransferFault(block, "it says no origin that can be") }
        self.init(origin: origin, firstLeaf: first, schema: lines["schema"], size: size)
    }

    /// Whether this is the beginning of an export of the same ledger by the same schema.
    func isContinued(by other: TransferHeader) -> Bool {
        (origin, firstLeaf, schema) == (other.origin, other.firstLeaf, other.schema)
    }
}

/// What an export says of itself after its rows.
struct TransferTrailer: Equatable {
    /// How many events it holds, which is the position after the last one.
    let size: Int64

    /// RFC 6962, over all leaves.
    let root: Digest

    var payload: [UInt8] { Array("size \(size)\nroot \(root)\n".utf8) }

    init(size: Int64, root: Digest) {
        self.size = size
        self.root = root
    }

    init(_ block: Block) throws {
        let lines = try TransferLines(block, ["size", "root"])
        guard let size = Int64(lines["size"]), let root = bytes(hexadecimal: lines["root"]).flatMap({ Digest($0) })
        else { throw TransferFault(block, "it says no size and root that can be") }
        self.init(size: size, root: root)
    }
}

/// Lines `NAME VALUE` whose names are known, in their order.
private struct TransferLines {
    private var values: [String: String] = [:]

    init(_ block: Block, _ names: [String]) throws {
        let lines = String(decoding: block.payload, as: UTF8.self).split(separator: "\n")
        guard lines.count == names.count else { throw TransferFault(block, "it has not the lines that it should have") }
        for (line, name) in zip(lines, names) {
            guard line.hasPrefix("\(name) ") else { throw TransferFault(block, "it does not say its \(name)") }
            values[name] = String(line.dropFirst(name.count + 1))
        }
    }

    subscript(name: String) -> String { values[name] ?? "" }
}
