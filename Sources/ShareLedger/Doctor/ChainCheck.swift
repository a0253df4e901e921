import Cryptography
import Ledger
import LedgerStore

/// Checks leaves and chains of events that follow each other.
enum ChainCheck {
    /// What is wrong with events in the order of their positions; `nil` where nothing is.
    static func fault(in events: [StoredEvent]) -> String? {
        var sha256 = SHA256()
        var streams: [StreamName: (sequence: Int64, hash: Digest)] = [:]
        var shares: [Position: (sequence: Int64, hash: Digest)] = [:]
        var previous: StoredEvent?
        for event in events {
            guard event.hasTrueLeaf(with: &sha256) else {
                return "the leaf of event \(event.position) is not the one that was hashed"
            }
            if let previous, previous.recorded >= event.recorded {
                return "event \(event.position) was recorded no later than the one before it"
            }
            if let before = streams[event.stream], !follows(event.streamLink, before) {
                return "event \(event.position) does not follow the one before it in \(event.stream.text)"
            }
            streams[event.stream] = (event.streamLink.sequence, event.leafHash)
            if let share = event.share, let link = event.shareLink {
                if let before = shares[share], !follows(link, before) {
                    return "event \(event.position) does not follow the one before it in its share"
                }
                shares[share] = (link.sequence, event.leafHash)
            }
            previous = event
        }
        return nil
    }

    private static func follows(_ link: ChainLink, _ before: (sequence: Int64, hash: Digest)) -> Bool {
        link.sequence == before.sequence + 1 && link.previous == before.hash
    }
}
