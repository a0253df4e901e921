package import Cryptography

/// The root of an RFC 6962 tree whose leaves come one by one, held in memory that grows with the logarithm of their number.
package struct MerkleFrontier: Sendable, Equatable {
    /// Leaves so far.
    package private(set) var count: UInt64 = 0

    /// Roots of complete subtrees, the largest and leftmost first: one for each bit that is set in ``count``.
    private var subtrees: [Digest] = []

    package init() {}

    /// Adds the next leaf by its hash.
    package mutating func append(_ leafHash: Digest, with sha256: inout SHA256) {
        var node = leafHash
        var rest = count
        while !rest.isMultiple(of: 2), let left = subtrees.popLast() {
            node = MerkleTree.nodeHash(left, node, with: &sha256)
            rest /= 2
        }
        subtrees.append(node)
        count += 1
    }

    /// The root over all leaves so far; of no leaves it is the hash of nothing.
    package func root(with sha256: inout SHA256) -> Digest {
        guard var root = subtrees.last else { return sha256.finalize() }
        for left in subtrees.dropLast().reversed() {
            root = MerkleTree.nodeHash(left, root, with: &sha256)
        }
        return root
    }
}
