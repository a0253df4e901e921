import Cryptography
import Linux

/// Writes the blocks of an export one after another.
struct BlockWriter {
    private let file: TransferFile
    private var checksum: Digest
    private var sha256 = SHA256()

    /// Bytes of the file so far.
    private(set) var byteCount: Int

    /// Begins a file.
    init(beginning file: TransferFile) throws {
        self.file = file
        checksum = Block.firstChecksum(with: &sha256)
        byteCount = Block.magic.count
        try file.descriptor.write(Block.magic)
    }

    /// Goes on with a file behind what is whole of it.
    init(continuing file: TransferFile, after checksum: Digest, byteCount: Int) throws {
        self.file = file
        self.checksum = checksum
        self.byteCount = byteCount
        try file.descriptor.cut(after: byteCount)
    }

    mutating func write(_ kind: Block.Kind, _ payload: [UInt8]) throws {
        guard payload.count <= Block.payloadLimit else {
            throw TransferFault(.state, "a row of \(payload.count) bytes is larger than an export can hold")
        }
        var length: [UInt8] = []
        length.append(networkOrder: UInt32(payload.count))
        checksum = Block.checksum(
            after: checksum,
            kind: kind.rawValue,
            length: length,
            payload: payload,
            with: &sha256,
        )
        var frame = [kind.rawValue] + length
        frame.reserveCapacity(payload.count + Block.frameByteCount)
        frame += payload
        checksum.append(to: &frame)
        try file.descriptor.write(frame)
        byteCount += frame.count
    }

    /// Has what was written survive a power failure; a pipe is somebody else's to look after.
    func synchronize() throws {
        if file.descriptor.isRegularFile { try file.descriptor.synchronize() }
    }
}
