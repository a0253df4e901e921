import Ledger
import LedgerStore
import Postgres
import Synchronization

/// Hands out ranges of shares to the workers of a scan; together they cover every identifier that a row could have.
final class ShareRanges: Sendable {
    private struct State {
        var next: Int? = 0
        var done = FoldProgress(done: 0, total: 0, eventCount: 0)
    }

    /// Shares in a range: enough to be worth a statement, few enough that all workers end at about the same time.
    private static let shareCount = 500

    private let bounds: [Position]
    private let state: Mutex<State>
    private let report: @Sendable (FoldProgress) -> Void

    init(in session: inout PostgresSession, report: @escaping @Sendable (FoldProgress) -> Void) throws(PostgresError) {
        let rows = try session.query(
            """
            SELECT s.share_id, s.total
            FROM (
                SELECT sh.share_id, row_number() OVER (ORDER BY sh.share_id) AS number, count(*) OVER () AS total
                FROM ledger.share AS sh
            ) AS s
            WHERE s.number % \(Int64(Self.shareCount)) = 1
            """
        )
        var bounds: [Position] = []
        var total: Int64 = 0
        for row in rows {
            bounds.append(try row[0, as: Position.self])
        }
        if let row = rows.first { total = try row[1, as: Int64.self] }
        self.bounds = [Position(rawValue: .min)] + bounds.sorted() + [Position(rawValue: .max)]
        self.report = report
        state = Mutex(State(done: FoldProgress(done: 0, total: Int(total), eventCount: 0)))
    }

    /// The next range; `nil` when all are handed out.
    func take() -> Range<Position>? {
        state.withLock { state in
            guard let next = state.next else { return nil }
            state.next = next + 2 < bounds.count ? next + 1 : nil
            return bounds[next]..<bounds[next + 1]
        }
    }

    /// Notes that a range is done.
    func finish(_ summary: ShareScan.Summary) {
        let progress = state.withLock { state in
            state.done.done += summary.shareCount
            state.done.eventCount += summary.eventCount
            return state.done
        }
        report(progress)
    }

    /// What is done so far.
    var progress: FoldProgress {
        state.withLock(\.done)
    }
}

/// How far folding everything again has come.
package struct FoldProgress: Sendable, Equatable {
    /// Shares that are folded.
    package internal(set) var done: Int

    /// Shares that there were when it began; more may have come.
    package internal(set) var total: Int

    /// Messages that were folded.
    package internal(set) var eventCount: Int
}
