package import Ledger
import LedgerStore
package import Postgres
package import Sharing

/// Folds everything again beside the live projections, and puts the result in their place in one transaction.
///
/// The service goes on meanwhile: messages are taken all the time, and following pauses only while the last of them are
/// caught up with and the two states, which are then of the same position, are compared. Partners, agreements and ticket
/// heads are written with every message and are not swapped, but mended row by row under the ledger's lock. Killed at any
/// moment it leaves the live tables as they were; what it leaves behind beside them goes with the next rebuild.
package enum ProjectionRebuilder {
    /// What a rebuild is to do.
    package struct Options: Sendable {
        /// How many sessions fold shares.
        package var workers = 2

        /// Whether the new tables take the place of live ones that differ.
        package var acceptsDifferences = true

        package init() {}
    }

    /// - Parameters:
    ///   - owner: As the owner of the schema, since tables are made and moved.
    ///   - settings: As the service has them.
    ///   - keys: Restores what repeats are recognised by in rows that have to be made anew.
    package static func run(
        _ owner: PostgresConfiguration,
        settings: SharingSettings,
        keys: KeyRing,
        options: Options = Options(),
        progress: @escaping @Sendable (FoldProgress) -> Void = { _ in },
    ) async throws -> RebuildReport {
        var configuration = owner.forFolding("shareledger rebuild")
        // Indexes over all rows take as long as they take; the task can be cancelled.
        configuration.statementTimeout = .seconds(3600)
        configuration.settings["maintenance_work_mem"] = "256MB"
        // The new tables are compared with the live ones along their keys: hashed, all rows would go over the disk again.
        for method in ["hashjoin", "sort"] { configuration.settings["enable_\(method)"] = "off" }
        let leader = try await PostgresConnection.open(configuration)
        do {
            let report = try await rebuild(leader, configuration, settings, keys, options, progress)
            await end(leader)
            return report
        } catch {
            await end(leader)
            throw error
        }
    }

    /// Closes the connection, and before that gives the lock back: the server may notice the end of a session only after
    /// the next rebuild has begun.
    private static func end(_ leader: PostgresConnection) async {
        // A session that is broken or busy gives it back when it ends.
        try? await leader.withSession { session in
            if session.isClean { try session.execute("SELECT pg_advisory_unlock(\(lockKey))") }
        }
        await leader.close()
    }

    private static func rebuild(
        _ leader: PostgresConnection,
        _ configuration: PostgresConfiguration,
        _ settings: SharingSettings,
        _ keys: KeyRing,
        _ options: Options,
        _ progress: @escaping @Sendable (FoldProgress) -> Void,
    ) async throws -> RebuildReport {
        let (bounds, ranges) = try await leader.withSession { session in
            try begin(in: &session, report: progress)
        }
        var report = RebuildReport()
        report.faults = try await withThrowingTaskGroup(of: [FoldFault].self) { group in
            for _ in 0..<max(1, options.workers) {
                group.addTask { try await work(configuration, bounds, ranges) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        report.shareCount = ranges.progress.done
        report.eventCount = ranges.progress.eventCount
        try await index(configuration)
        let swap = RebuildSwap(bounds.end, acceptsDifferences: options.acceptsDifferences)
        let mender = InlineMender(settings: settings, keys: keys, end: bounds.end)
        let mended = try await leader.withSession { session in
            try mender.run(in: &session, isAllowed: options.acceptsDifferences)
        }
        report.differences.add(mended.differences)
        report.mendedCount = mended.mendedCount
        let catchUp = try await PostgresConnection.open(configuration)
        do {
            let swapped = try await swap.run(leader, catchUp)
            await catchUp.close()
            report.differences.add(swapped.differences)
            report.isSwapped = swapped.isSwapped
            report.faults += swapped.faults
        } catch {
            await catchUp.close()
            throw error
        }
        return report
    }

    // MARK: Steps

    /// One rebuild at a time; held by the session.
    private static let lockKey: Int64 = 0x7368_6172_6562_6c64

    private static func begin(
        in session: inout PostgresSession,
        report: @escaping @Sendable (FoldProgress) -> Void,
    ) throws -> (ShareScan.Bounds, ShareRanges) {
        guard try session.query("SELECT pg_try_advisory_lock(\(lockKey))").onlyRow()[0, as: Bool.self] else {
            throw RebuildFault.alreadyRunning
        }
        guard try session.query("SELECT FROM projection.follower WHERE name = 'ticket'").count == 1 else {
            throw RebuildFault.noFollower
        }
        _ = try session.query("SELECT projection.prepare_rebuild()")
        let end = try LedgerReader.size(in: &session)
        try session.execute("UPDATE projection_new.follower SET next_position = \(end)")
        return (ShareScan.Bounds(end: end, followed: end), try ShareRanges(in: &session, report: report))
    }

    private static func work(
        _ configuration: PostgresConfiguration,
        _ bounds: ShareScan.Bounds,
        _ ranges: ShareRanges,
    ) async throws -> [FoldFault] {
        let connection = try await PostgresConnection.open(configuration)
        do {
            var faults: [FoldFault] = []
            let writer = ShadowWriter(bounds)
            while let range = ranges.take() {
                faults += try await connection.withSession { session in
                    let (found, summary) = try writer.fill(range, in: &session)
                    ranges.finish(summary)
                    return found
                }
            }
            await connection.close()
            return faults
        } catch {
            await connection.close()
            throw error
        }
    }

    /// All indexes, those of comments, which take longest, beside the others.
    private static func index(_ configuration: PostgresConfiguration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for tables in [["comment"], ["ticket", "ticket_head", "unfolded", "follower"]] {
                group.addTask {
                    let connection = try await PostgresConnection.open(configuration)
                    do {
                        for table in tables {
                            _ = try await connection.query("SELECT projection.index_rebuild(\(table))")
                        }
                        await connection.close()
                    } catch {
                        await connection.close()
                        throw error
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
