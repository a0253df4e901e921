import Ledger
import LedgerStore

/// Shares as the last steps left them, so that the next message of one needs nothing from the server. Pure.
///
/// True as long as nobody else has followed meanwhile and the tables are still the same ones; the step sees to that.
struct FoldCache: Sendable {
    /// About how many bytes are kept at least; up to twice as many are.
    private static let capacity = 24 * 1024 * 1024

    /// Shares with more comments are not kept.
    private static let commentCount = 256

    private var folds = Generations<Position, ShareFold>(capacity: capacity)

    /// Removes a share and hands it over.
    mutating func take(_ share: Position) -> ShareFold? {
        folds.take(share)
    }

    /// - Parameter stateByteCount: Length of its state in JSON.
    mutating func insert(_ fold: ShareFold, stateByteCount: Int) {
        guard fold.knowsComments, fold.commentCount <= Self.commentCount else { return }
        let byteCount = 1024 + 2 * stateByteCount + 128 * fold.commentCount
        folds.insert(fold, for: fold.share, weight: byteCount)
    }

    mutating func removeAll() {
        folds.removeAll()
    }
}
