import Cryptography

/// A piece of an export: what it is, its bytes, and a checksum over both and over all that stands before it.
///
/// In the file it is a byte for its kind, the number of its payload's bytes in four, in network order, the payload, and the
/// 32 bytes of `SHA-256(checksum before it, kind, length, payload)`. The first one goes on from the hash of ``magic``. So
/// no block can be altered, left out or put elsewhere without all that follow being made anew.
struct Block: Sendable {
    /// The line with which a file begins.
    static let magic = Array("shareledger-export/1\n".utf8)

    /// The most that is read as one payload: a part of the largest body that can be taken, with as many chunks.
    static let payloadLimit = 224 << 20

    /// Bytes around a payload.
    static let frameByteCount = 5 + Digest.byteCount

    /// What a block holds.
    enum Kind: UInt8, Sendable {
        case header = 1
        case rows = 2
        case trailer = 3
    }

    let kind: Kind
    let payload: [UInt8]

    /// Its number, from 0, and its first byte in the file.
    let number: Int
    let offset: Int

    /// How messages name it.
    var place: String { "block \(number) at byte \(offset)" }

    /// What ``checksum`` is at the beginning of a file.
    static func firstChecksum(with sha256: inout SHA256) -> Digest {
        sha256.update(magic)
        return sha256.finalize()
    }

    /// The checksum after a block.
    static func checksum(
        after last: Digest,
        kind: UInt8,
        length: [UInt8],
        payload: [UInt8],
        with sha256: inout SHA256,
    ) -> Digest {
        sha256.update(last)
        sha256.update(kind)
        sha256.update(length)
        sha256.update(payload)
        return sha256.finalize()
    }
}

extension [UInt8] {
    /// Appends the bytes of a number in network order.
    mutating func append(networkOrder number: some FixedWidthInteger) {
        for shift in stride(from: number.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// The number in network order whose bytes begin at `offset`; the caller knows that they are there.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number {
        self[offset..<offset + Number.bitWidth / 8].reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}
