package import Ledger
package import Postgres
import Synchronization

/// Looks at every event of the ledger: its leaf, its parts, its places in stream and share, position and time.
///
/// The ledger is cut into stretches that several sessions go through at the same time, each holding a page of events, a
/// few MiB of their bytes and the chains that the stretch has touched. No transaction stays open and nothing is locked:
/// what is committed never changes, and what is appended meanwhile is left to the next look.
package enum LedgerAudit {
    /// - Parameters:
    ///   - configuration: As any role that reads `ledger`.
    ///   - keys: Of the ledger's key file, to look whether what was cut out of bodies can be put back.
    ///   - workers: How many sessions read and compute.
    ///   - stretchCount: Positions in a stretch.
    package static func run(
        _ configuration: PostgresConfiguration,
        keys: KeyRing?,
        workers: Int = 2,
        stretchCount: Int64 = 10_000,
        progress: @escaping @Sendable (AuditProgress) -> Void = { _ in },
    ) async throws -> AuditReport {
        var configuration = configuration
        configuration.applicationName = "shareledger audit"
        configuration.settings["jit"] = "off"
        configuration.settings["plan_cache_mode"] = "force_custom_plan"
        configuration.settings["random_page_cost"] = "1.1"
        let settings = configuration
        let leader = try await PostgresConnection.open(settings)
        let (end, strays): (Position, [Position])
        do {
            (end, strays) = try await leader.withSession { session in
                let end = try LedgerReader.size(in: &session)
                return (end, try Self.strays(from: end, in: &session))
            }
        } catch {
            await leader.close()
            throw error
        }
        await leader.close()
        let stretches = AuditStretches(end: end, length: stretchCount, report: progress)
        var report = try await withThrowingTaskGroup(of: AuditReport.self) { group in
            for _ in 0..<max(1, workers) {
                group.addTask { try await work(settings, keys, stretches) }
            }
            return try await group.reduce(into: AuditReport()) { $0.add($1) }
        }
        report.end = end
        for stray in strays { report.add(AuditFault(stray: stray)) }
        return report
    }

    /// The same on one session, which may be in a transaction and then sees what that has written.
    package static func run(
        keys: KeyRing?,
        stretchCount: Int64 = 10_000,
        in session: inout PostgresSession,
        progress: @escaping @Sendable (AuditProgress) -> Void = { _ in },
    ) throws -> AuditReport {
        var report = AuditReport()
        report.end = try LedgerReader.size(in: &session)
        let stretches = AuditStretches(end: report.end, length: stretchCount, report: progress)
        while let stretch = stretches.take() {
            var audit = StretchAudit(stretch, keys: keys, report: stretches.advance)
            report.add(try audit.run(in: &session))
        }
        for stray in try strays(from: report.end, in: &session) { report.add(AuditFault(stray: stray)) }
        return report
    }

    /// Positions behind the last event that have bytes all the same.
    private static func strays(from end: Position, in session: inout PostgresSession) throws(PostgresError)
        -> [Position]
    {
        try session.query(
            """
            SELECT DISTINCT p.position
            FROM ledger.payload AS p
            WHERE p.position >= \(end)
                AND NOT EXISTS (SELECT FROM ledger.event AS e WHERE e.position = p.position)
            ORDER BY p.position
            LIMIT \(Int64(AuditReport.keptCount))
            """
        )
        .decode((Position).self)
    }

    private static func work(
        _ configuration: PostgresConfiguration,
        _ keys: KeyRing?,
        _ stretches: AuditStretches,
    ) async throws -> AuditReport {
        let connection = try await PostgresConnection.open(configuration)
        do {
            var report = AuditReport()
            while let stretch = stretches.take() {
                let found = try await connection.withSession { session in
                    var audit = StretchAudit(stretch, keys: keys, report: stretches.advance)
                    return try audit.run(in: &session)
                }
                report.add(found)
            }
            await connection.close()
            return report
        } catch {
            await connection.close()
            throw error
        }
    }
}

/// Hands out the stretches of an audit in order, and adds up how far it has come.
final class AuditStretches: Sendable {
    private struct State {
        var next: Int64 = 0
        var progress: AuditProgress
    }

    private let end: Int64
    private let length: Int64
    private let state: Mutex<State>
    private let report: @Sendable (AuditProgress) -> Void

    init(end: Position, length: Int64, report: @escaping @Sendable (AuditProgress) -> Void) {
        precondition(length > 0, "a stretch has positions")
        self.end = end.rawValue
        self.length = length
        self.report = report
        state = Mutex(State(progress: AuditProgress(done: 0, total: Int(end.rawValue))))
    }

    /// The next stretch; `nil` when all are handed out.
    func take() -> Range<Position>? {
        state.withLock { state in
            guard state.next < end else { return nil }
            let start = state.next
            state.next = min(end, start + length)
            return Position(rawValue: start)..<Position(rawValue: state.next)
        }
    }

    /// Notes that so many more events were looked at.
    func advance(_ count: Int) {
        let progress = state.withLock { state in
            state.progress.done += count
            return state.progress
        }
        report(progress)
    }
}
