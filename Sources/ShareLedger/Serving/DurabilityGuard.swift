import Gateway
import LedgerStore
import Logging
import Postgres
import Synchronization

/// Refuses messages while the database would not keep what it says it has committed, or has lost some of it.
///
/// Looks at start and every minute: with `fsync`, `full_page_writes` or `synchronous_commit` off a 2xx would be a lie.
final class DurabilityGuard: Sendable {
    private let store: Store
    private let logger: Logger
    private let state = Mutex<String?>("not checked yet")

    init(store: Store, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Looks once a minute until cancelled, and every second while something is wrong.
    func run() async {
        while !Task.isCancelled {
            let isWell = state.withLock { $0 == nil }
            // Cancellation ends the loop.
            try? await Task.sleep(for: isWell ? .seconds(60) : .seconds(1))
            guard !Task.isCancelled else { return }
            await check()
        }
    }

    /// Whether messages are taken, within a second: whoever asks has deadlines of his own.
    ///
    /// A database that is too slow for that is not ready, but nothing is made of it: the next regular look decides.
    func readiness() async -> PrivateRoutes.Readiness {
        // The appender has logged it.
        if let loss = store.appender.loss {
            return .notReady("the ledger has lost events: \(loss); compare with a backup, then restart")
        }
        do {
            let problem = try await problem(leaseLimit: .milliseconds(500), queryLimit: .milliseconds(300))
            note(problem)
            return problem.map { .notReady($0) } ?? .ready
        } catch {
            return .notReady("the database is not available: \(error)")
        }
    }

    /// Looks now.
    func check() async {
        do {
            note(try await problem(leaseLimit: .seconds(10), queryLimit: .seconds(10)))
        } catch {
            note("the database is not available: \(error)")
        }
    }

    /// What of PostgreSQL's settings speaks against it; throws where it does not answer.
    private func problem(leaseLimit: Duration, queryLimit: Duration) async throws -> String? {
        let unsafe = try await store.pool.withConnection(within: leaseLimit) { connection in
            try await connection.query(Self.question, within: queryLimit).decode((String).self)
        }
        let problem =
            unsafe.isEmpty ? nil : "\(unsafe.joined(separator: ", ")) off: a commit may be lost; switch it on again"
        store.appender.setUnavailable(problem)
        return problem
    }

    private static let question: SQL = """
        SELECT name
        FROM pg_settings
        WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
            AND setting = 'off'
        ORDER BY name
        """

    private func note(_ problem: String?) {
        let old = state.withLock { state in
            defer { state = problem }
            return state
        }
        guard old != problem else { return }
        if let problem {
            logger.critical("no messages are accepted", metadata: ["cause": "\(problem)"])
        } else if old != "not checked yet" {
            logger.notice("messages are accepted again")
        }
    }
}
