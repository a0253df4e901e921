package import Cryptography

/// Bytes of an event with the salt that hides them behind their commitment.
///
/// The salt is kept beside the bytes and erased with them: whoever holds only the commitment cannot even test a guess.
package struct Part: Sendable, Equatable {
    /// Bytes of salt of every part.
    package static let saltByteCount = 32

    package let name: PartName

    /// The bytes as they are stored, with `[secret]` where a credential stood.
    package let content: [UInt8]

    package let salt: [UInt8]

    /// Lengths in bytes of the chunks of ``content``, in order, for a part whose commitment is a tree over them.
    package let chunkLengths: [Int]?

    package let commitment: Digest

    /// What was cut out of ``content``, to be restored for sending; `nil` where nothing was.
    package let splices: SealedSplices?

    /// Commits to `content`; `chunks` are the boundaries of a JSON body, and one chunk of everything otherwise.
    package init(
        _ name: PartName,
        _ content: [UInt8],
        chunks: ChunkBoundaries = .whole,
        splices: SealedSplices? = nil,
        salt: [UInt8],
        with sha256: inout SHA256,
    ) {
        precondition(salt.count == Part.saltByteCount, "a salt has 32 bytes")
        self.name = name
        self.content = content
        self.salt = salt
        self.splices = splices
        if name.isChunked {
            let lengths = chunks.lengths(contentByteCount: content.count)
            chunkLengths = lengths
            commitment = Commitment.overChunks(of: content, lengths: lengths, name: name, salt: salt, with: &sha256)
        } else {
            chunkLengths = nil
            commitment = Commitment.over(content, in: 0..<content.count, name: name, salt: salt, with: &sha256)
        }
    }

    /// What the leaf says of this part.
    package var line: PartLine {
        PartLine(name: name, byteCount: content.count, commitment: commitment)
    }
}

/// What a leaf says of one part: enough to check disclosed bytes, nothing about them otherwise.
package struct PartLine: Sendable, Hashable {
    package let name: PartName
    package let byteCount: Int
    package let commitment: Digest

    package init(name: PartName, byteCount: Int, commitment: Digest) {
        self.name = name
        self.byteCount = byteCount
        self.commitment = commitment
    }
}
