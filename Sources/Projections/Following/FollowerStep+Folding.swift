import Ledger
import LedgerStore
import Postgres
import TicketSharing

/// How the messages of a step are folded, from the shares as they are known to the rows that are written.
extension FollowerStep {
    typealias Folds = [Position: ShareFold]

    /// What is kept of the touched shares, taken out of the cache.
    mutating func known(_ events: [TicketEvent]) -> Folds {
        var folds: Folds = [:]
        for event in events where folds[event.head.share] == nil {
            folds[event.head.share] = cache.take(event.head.share)
        }
        return folds
    }

    /// Two statements that read the touched shares that are not known, for ``load(_:_:into:)``; none where all are.
    func missing(_ events: [TicketEvent], _ folds: Folds) -> [SQL] {
        var shares: Set<Position> = []
        var named: (shares: [Position], comments: [String]) = ([], [])
        for event in events where folds[event.head.share] == nil {
            shares.insert(event.head.share)
            guard case .success(let source) = event.source else { continue }
            for comment in source.comments {
                named.shares.append(event.head.share)
                named.comments.append(comment.text)
            }
        }
        guard !shares.isEmpty else { return [] }
        return [tables.shares(Array(shares)), tables.comments(of: Array(shares), named: named)]
    }

    func load(_ shares: Rows, _ comments: Rows, into folds: inout Folds) throws(PostgresError) {
        var known: [Position: Set<CommentID>] = [:]
        for row in comments {
            let comment: CommentID = try row.identifier(1)
            known[try row[0, as: Position.self], default: []].insert(comment)
        }
        for row in shares {
            let share = try row[0, as: Position.self]
            folds[share] = try TicketRow.fold(row, knownComments: known[share] ?? [])
        }
    }

    mutating func empty() {
        tickets.removeAll()
        comments.removeAll()
        unfolded.removeAll()
    }

    /// Fills the batches; returns what could not be folded.
    mutating func fold(_ events: [TicketEvent], _ folds: inout Folds) throws(PostgresError) -> [FoldFault] {
        empty()
        var faults: [FoldFault] = []
        for event in events {
            let new: [FoldedComment]
            do throws(FoldFault) {
                new = try folds[event.head.share]?.apply(event) ?? []
            } catch {
                faults.append(error)
                try unfolded.appendRow { UnfoldedRow.append(error, share: event.head.share, to: &$0) }
                continue
            }
            for comment in new {
                try comments.appendRow { CommentRow.append(comment, to: &$0) }
            }
        }
        for fold in folds.values {
            let state = fold.encodedState()
            try tickets.appendRow { TicketRow.append(fold, state: state, to: &$0) }
            cache.insert(fold, stateByteCount: state.count)
        }
        return faults
    }

    func writes(_ next: Position) -> [SQL] {
        var statements: [SQL] = []
        if tickets.count > 0 { statements.append(tables.putTickets(tickets)) }
        if comments.count > 0 { statements.append(tables.addComments(comments)) }
        if unfolded.count > 0 { statements.append(tables.addUnfolded(unfolded)) }
        return statements + [tables.save(next), "COMMIT"]
    }
}
