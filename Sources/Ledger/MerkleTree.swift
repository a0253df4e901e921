package import Cryptography

/// Hashes of an RFC 6962 Merkle tree (section 2.1).
package enum MerkleTree {
    /// `SHA-256(0x00 || entry)`.
    package static func leafHash(_ entry: [UInt8], with sha256: inout SHA256) -> Digest {
        sha256.update(0x00)
        sha256.update(entry)
        return sha256.finalize()
    }

    /// The same of an entry that is a digest.
    package static func leafHash(_ entry: Digest, with sha256: inout SHA256) -> Digest {
        sha256.update(0x00)
        sha256.update(entry)
        return sha256.finalize()
    }

    /// `SHA-256(0x01 || left || right)`.
    package static func nodeHash(_ left: Digest, _ right: Digest, with sha256: inout SHA256) -> Digest {
        sha256.update(0x01)
        sha256.update(left)
        sha256.update(right)
        return sha256.finalize()
    }

    /// The root over leaf hashes in order; of no leaves it is the hash of nothing.
    ///
    /// Pairs are joined level by level and an odd last node moves up as it is, which gives the tree that RFC 6962
    /// defines by splitting at the largest power of two below the size.
    package static func root(ofLeafHashes leaves: [Digest], with sha256: inout SHA256) -> Digest {
        guard !leaves.isEmpty else { return sha256.finalize() }
        var level = leaves
        var count = level.count
        while count > 1 {
            for left in stride(from: 0, to: count - 1, by: 2) {
                level[left / 2] = nodeHash(level[left], level[left + 1], with: &sha256)
            }
            if !count.isMultiple(of: 2) { level[count / 2] = level[count - 1] }
            count = (count + 1) / 2
        }
        return level[0]
    }
}
