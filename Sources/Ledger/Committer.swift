package import Cryptography

/// Makes parts: draws their salts and commits to their bytes, with one hash computation for all.
package struct Committer: ~Copyable {
    private var sha256 = SHA256()
    private var random: RandomPool

    package init(randomness: Randomness = .system) {
        random = RandomPool(randomness)
    }

    /// A part of `content`, cut at `chunks` where it is a body.
    package mutating func part(
        _ name: PartName,
        _ content: [UInt8],
        chunks: ChunkBoundaries = .whole,
        sealedSplices: [UInt8]? = nil,
    ) -> Part {
        Part(
            name,
            content,
            chunks: chunks,
            sealedSplices: sealedSplices,
            salt: Array(random.take(Part.saltByteCount)),
            with: &sha256,
        )
    }
}
