package import Cryptography

/// How bytes are committed to in a leaf.
package enum Commitment {
    private static let label = Array("shareledger-part/v1".utf8) + [0]

    /// `SHA-256("shareledger-part/v1" 00 name 00 salt bytes)` over the bytes of `content` at `range`.
    package static func over(
        _ content: [UInt8],
        in range: Range<Int>,
        name: PartName,
        salt: [UInt8],
        with sha256: inout SHA256,
    ) -> Digest {
        sha256.update(prefix(name))
        sha256.update(salt)
        sha256.update(content, in: range)
        return sha256.finalize()
    }

    /// The RFC 6962 tree hash over the commitments of the chunks of `content`.
    ///
    /// Chunk *n* is committed to as a part is, with the salt `HMAC-SHA-256(salt, n)`, *n* as eight bytes in network
    /// order, so that showing one chunk's salt tells nothing of another's.
    package static func overChunks(
        of content: [UInt8],
        lengths: [Int],
        name: PartName,
        salt: [UInt8],
        with sha256: inout SHA256,
    ) -> Digest {
        precondition(lengths.reduce(0, +) == content.count, "chunks do not add up to the part")
        let prefix = prefix(name)
        let salts = HMAC(key: salt)
        var leaves: [Digest] = []
        leaves.reserveCapacity(lengths.count)
        var start = 0
        for (number, length) in lengths.enumerated() {
            sha256.update(prefix)
            sha256.update(salts.code { $0.update(networkOrder: UInt64(number)) })
            sha256.update(content, in: start..<start + length)
            leaves.append(MerkleTree.leafHash(sha256.finalize(), with: &sha256))
            start += length
        }
        return MerkleTree.root(ofLeafHashes: leaves, with: &sha256)
    }

    private static func prefix(_ name: PartName) -> [UInt8] {
        prefixes[name] ?? label + Array(name.rawValue.utf8) + [0]
    }

    private static let prefixes = Dictionary(
        uniqueKeysWithValues: PartName.allCases.map { ($0, label + Array($0.rawValue.utf8) + [0]) },
    )
}
