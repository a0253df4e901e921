import Cryptography
import Ledger
import Testing

struct MerkleFrontierTests {
    @Test func `the root over leaves that come one by one is that of the whole tree`() {
        var sha256 = SHA256()
        var frontier = MerkleFrontier()
        var leaves: [Digest] = []
        #expect(frontier.root(with: &sha256) == SHA256.hash([]))
        for number in 0..<200 {
            let leaf = MerkleTree.leafHash(Array("leaf \(number)".utf8), with: &sha256)
            leaves.append(leaf)
            frontier.append(leaf, with: &sha256)
            #expect(frontier.count == UInt64(number + 1))
            #expect(frontier.root(with: &sha256) == MerkleTree.root(ofLeafHashes: leaves, with: &sha256), "\(number)")
        }
    }
}
