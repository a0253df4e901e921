package import Ledger
import LedgerStore
package import Postgres

/// Folds everything again and compares it with the projections, in one snapshot, while the service goes on.
///
/// Partners, agreements and ticket heads must be what the ledger's last event makes them; tickets and comments what the
/// events make them that the follower has folded. Nothing is locked and nothing is written.
package enum ProjectionVerifier {
    /// - Parameters:
    ///   - configuration: As the service's role, or any other that reads `ledger` and `projection`.
    ///   - keys: See ``AgreementState/init(_:_:id:keys:)``.
    ///   - workers: How many sessions fold shares.
    package static func run(
        _ configuration: PostgresConfiguration,
        keys: KeyRing?,
        workers: Int = 2,
        progress: @escaping @Sendable (FoldProgress) -> Void = { _ in },
    ) async throws -> VerificationReport {
        let configuration = configuration.forFolding("shareledger verify")
        let leader = try await PostgresConnection.open(configuration)
        do {
            // Open until the end, as the snapshot that the workers share lasts no longer.
            let (snapshot, bounds, ranges, inline) = try await leader.withSession { session in
                try session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                let snapshot = try session.query("SELECT pg_export_snapshot()").onlyRow()[0, as: String.self]
                let seen = try FollowerProgress.read(in: &session)
                let ranges = try ShareRanges(in: &session, report: progress)
                var inline = try InlineComparison.partners(in: &session)
                inline += try InlineComparison.agreements(keys: keys, in: &session)
                let bounds = ShareScan.Bounds(end: seen.end, followed: min(seen.next, seen.end))
                return (snapshot, bounds, ranges, inline)
            }
            var report = VerificationReport(end: bounds.end, followed: bounds.followed)
            report.differences.add(inline)
            let found = try await withThrowingTaskGroup(of: DifferenceList.self) { group in
                for _ in 0..<max(1, workers) {
                    group.addTask { try await work(configuration, snapshot, bounds, ranges) }
                }
                return try await group.reduce(into: DifferenceList()) { $0.add($1) }
            }
            report.differences.add(found)
            report.shareCount = ranges.progress.done
            report.eventCount = ranges.progress.eventCount
            await leader.close()
            return report
        } catch {
            await leader.close()
            throw error
        }
    }

    private static func work(
        _ configuration: PostgresConfiguration,
        _ snapshot: String,
        _ bounds: ShareScan.Bounds,
        _ ranges: ShareRanges,
    ) async throws -> DifferenceList {
        let connection = try await PostgresConnection.open(configuration)
        do {
            var differences = DifferenceList()
            while let range = ranges.take() {
                let found = try await connection.withSession { session in
                    try session.join(snapshot)
                    let worker = ShareVerification(bounds)
                    let (found, summary) = try worker.verify(range, in: &session)
                    ranges.finish(summary)
                    return found
                }
                differences.add(found)
            }
            await connection.close()
            return differences
        } catch {
            await connection.close()
            throw error
        }
    }
}

extension PostgresConfiguration {
    /// For long folds: plans for the values at hand, as a reused one is made for ten positions and gets a thousand; and
    /// by index, as pages of messages that were written at different times are far apart however they are read.
    func forFolding(_ name: String) -> PostgresConfiguration {
        var configuration = self
        configuration.applicationName = name
        configuration.settings["jit"] = "off"
        configuration.settings["plan_cache_mode"] = "force_custom_plan"
        configuration.settings["random_page_cost"] = "1.1"
        configuration.settings["synchronous_commit"] = "off"
        return configuration
    }
}

extension PostgresSession {
    /// Begins a transaction that sees what another one does, unless it has begun already.
    fileprivate mutating func join(_ snapshot: String) throws(PostgresError) {
        guard transactionState == .idle else { return }
        // An identifier that the server made, and that cannot be bound.
        let quoted = snapshot.replacing("'", with: "''")
        try execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try execute(SQL(unescaped: "SET TRANSACTION SNAPSHOT '\(quoted)'"))
    }
}
