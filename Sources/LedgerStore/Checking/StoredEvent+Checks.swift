package import Cryptography
package import Ledger

extension StoredEvent {
    /// Whether the leaf, put together from the columns, has the hash that was stored with it.
    package func hasTrueLeaf(with sha256: inout SHA256) -> Bool {
        leaf.hash(with: &sha256) == leafHash
    }
}

extension StoredPart {
    /// Whether these are the bytes that a leaf commits to.
    package func matches(_ line: PartLine, with sha256: inout SHA256) -> Bool {
        guard name == line.name, content.count == line.byteCount, salt.count == Part.saltByteCount else { return false }
        guard name.isChunked else {
            return Commitment.over(content, in: 0..<content.count, name: name, salt: salt, with: &sha256)
                == line.commitment
        }
        // Chunks that do not add up are no chunks of these bytes.
        guard let lengths = chunkLengths, lengths.allSatisfy({ (0...content.count).contains($0) }),
            lengths.reduce(0, +) == content.count
        else { return false }
        return Commitment.overChunks(of: content, lengths: lengths, name: name, salt: salt, with: &sha256)
            == line.commitment
    }
}
