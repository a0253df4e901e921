package import Cryptography

/// Makes parts: draws their salts and commits to their bytes, with one hash computation for all.
package struct Committer: ~Copyable {
    private var sha256 = SHA256()
    private var random: RandomPool

    /// - Parameter partCount: For how many parts, and an id, random bytes are drawn at once.
    package init(randomness: Randomness = .system, partCount: Int = 15) {
        random = RandomPool(randomness, drawing: 16 + partCount * Part.saltByteCount)
    }

    /// An id for an exchange that begins at `time`.
    package mutating func exchange(at time: Timestamp) -> EventID {
        EventID(at: time, random: random.take(8))
    }

    /// A part of `content`, cut at `chunks` where it is a body.
    package mutating func part(
        _ name: PartName,
        _ content: [UInt8],
        chunks: ChunkBoundaries = .whole,
        splices: SealedSplices? = nil,
    ) -> Part {
        Part(
            name,
            content,
            chunks: chunks,
            splices: splices,
            salt: Array(random.take(Part.saltByteCount)),
            with: &sha256,
        )
    }
}
