import Ledger
import LedgerStore
import Postgres

/// The end of a rebuild: brings the new tables to where the live ones are, compares the two, and swaps them.
struct RebuildSwap: Sendable {
    /// What came of it.
    struct Result: Sendable {
        var differences = DifferenceList()
        var faults: [FoldFault] = []
        var isSwapped = false
    }

    private let end: Position
    private let acceptsDifferences: Bool

    /// How far behind the live tables the new ones may be when following is stopped for the rest.
    private static let nearness: Int64 = 5000

    /// Attempts to get the tables for oneself, and how long readers may hold them and others queue behind us.
    private static let attemptCount = 20
    private static let lockTimeout = "2s"

    /// - Parameter end: Where folding ended, and the new tables are now.
    init(_ end: Position, acceptsDifferences: Bool) {
        self.end = end
        self.acceptsDifferences = acceptsDifferences
    }

    /// - Parameters:
    ///   - leader: Compares and swaps in one transaction.
    ///   - follower: Catches up meanwhile, in transactions of its own.
    func run(_ leader: PostgresConnection, _ follower: PostgresConnection) async throws -> Result {
        var result = Result()
        var next = end
        while true {
            let progress = try await follower.withSession { session in try FollowerProgress.read(in: &session) }
            // A position that was set beyond the ledger's end is never reached.
            let live = min(progress.next, progress.end)
            guard live.rawValue - next.rawValue > Self.nearness else { break }
            let (reached, faults) = try await catchUp(from: next, to: live, follower)
            next = reached
            result.faults += faults
        }
        for attempt in 1... {
            do {
                let live = try await leader.withSession { session in try stopFollowing(in: &session) }
                let (reached, faults) = try await catchUp(from: next, to: live, follower)
                next = reached
                result.faults += faults
                let accepts = acceptsDifferences
                let (differences, isSwapped) = try await leader.withSession { session in
                    try compareAndSwap(live, accepts, in: &session)
                }
                result.differences = differences
                result.isSwapped = isSwapped
                return result
            } catch let error as PostgresError where error.code == .lockNotAvailable && attempt < Self.attemptCount {
                // Somebody reads for a long time; following goes on before the next attempt.
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        return result
    }

    /// Holds the live position; returns it.
    private func stopFollowing(in session: inout PostgresSession) throws(PostgresError) -> Position {
        try session.execute("BEGIN")
        do throws(PostgresError) {
            try session.execute(SQL(unescaped: "SET LOCAL lock_timeout = '\(Self.lockTimeout)'"))
            let rows = try session.query(
                "SELECT next_position FROM projection.follower WHERE name = 'ticket' FOR UPDATE"
            )
            return try rows.onlyRow()[0, as: Position.self]
        } catch {
            try session.execute("ROLLBACK")
            throw error
        }
    }

    private func catchUp(
        from start: Position,
        to bound: Position,
        _ connection: PostgresConnection,
    ) async throws -> (Position, [FoldFault]) {
        guard start < bound else { return (start, []) }
        return try await connection.withSession { session in
            var step = FollowerStep(try ProjectionTables(in: &session, schema: ProjectionTables.shadow))
            var next = start
            var faults: [FoldFault] = []
            while next < bound {
                guard case .advanced(let advance) = try step.run(from: next, until: bound, in: &session) else {
                    throw PostgresError(.misuse, "somebody else writes to the tables of the rebuild")
                }
                faults += advance.faults
                guard advance.next > next else { break }
                next = advance.next
            }
            return (next, faults)
        }
    }

    private func compareAndSwap(
        _ live: Position,
        _ acceptsDifferences: Bool,
        in session: inout PostgresSession,
    ) throws(PostgresError) -> (DifferenceList, Bool) {
        do throws(PostgresError) {
            var differences = DifferenceList()
            for comparison in [RowComparison.ticket, .comment] {
                let (first, count) = try comparison.differences(
                    from: ProjectionTables.shadow,
                    where: "n.\(identifier: comparison.position) < \(live)",
                    in: &session,
                )
                differences.add(first, count: count)
            }
            guard differences.isEmpty || acceptsDifferences else {
                try session.execute("ROLLBACK")
                try session.execute("DROP SCHEMA projection_new CASCADE")
                return (differences, false)
            }
            _ = try session.query("SELECT projection.swap_rebuild()")
            try session.execute("COMMIT")
            return (differences, true)
        } catch {
            if !session.isBroken { try session.execute("ROLLBACK") }
            throw error
        }
    }
}
