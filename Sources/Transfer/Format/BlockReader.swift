import Cryptography
import Linux

/// Reads the blocks of an export, each checked before it is handed out.
///
/// The file may say anything: no more is held than has come, whatever lengths it claims.
struct BlockReader {
    private let file: TransferFile
    private var sha256 = SHA256()
    private var number = 0

    /// The checksum of the last block, and where it ends in the file.
    private(set) var checksum: Digest
    private(set) var byteCount = 0

    /// What was read and not used yet, from `start` on.
    private var buffer: [UInt8] = []
    private var start = 0

    private static let pieceByteCount = 1 << 20

    /// Reads the line with which every export begins.
    init(_ file: TransferFile) throws {
        self.file = file
        checksum = Block.firstChecksum(with: &sha256)
        guard try take(Block.magic.count, of: nil) == Block.magic else {
            throw TransferFault(
                .file,
                "it is no export of a ledger, or one of a version that this program does not know"
            )
        }
    }

    /// The next block; `nil` at the end of the file.
    mutating func next() throws -> Block? {
        if start == buffer.count {
            try fill()
            if buffer.isEmpty { return nil }
        }
        let offset = byteCount
        let place = "block \(number) at byte \(offset)"
        let head = try take(5, of: place)
        let length = head.number(at: 1, as: UInt32.self)
        guard length <= Block.payloadLimit else {
            throw TransferFault(.file, "\(place) says that it is \(length) bytes long, more than a block can be")
        }
        let payload = try take(Int(length), of: place)
        let stored = try take(Digest.byteCount, of: place)
        let computed = Block.checksum(
            after: checksum,
            kind: head[0],
            length: Array(head[1...]),
            payload: payload,
            with: &sha256,
        )
        guard Digest(stored) == computed else {
            throw TransferFault(.file, "\(place) is not as it was written: its checksum is another")
        }
        guard let kind = Block.Kind(rawValue: head[0]) else {
            throw TransferFault(.version, "\(place) is of a kind that this program does not know")
        }
        checksum = computed
        defer { number += 1 }
        return Block(kind: kind, payload: payload, number: number, offset: offset)
    }

    private mutating func fill() throws {
        buffer = try file.descriptor.read(atMost: Self.pieceByteCount)
        start = 0
    }

    /// The next bytes, gathered as they come.
    private mutating func take(_ count: Int, of place: String?) throws -> [UInt8] {
        var taken: [UInt8] = []
        taken.reserveCapacity(min(count, Self.pieceByteCount))
        while taken.count < count {
            if start == buffer.count {
                try fill()
                guard !buffer.isEmpty else {
                    throw TransferFault(.file, place.map { "the file ends within \($0)" } ?? "the file is cut off")
                }
            }
            let end = min(buffer.count, start + count - taken.count)
            taken += buffer[start..<end]
            start = end
        }
        byteCount += count
        return taken
    }
}
