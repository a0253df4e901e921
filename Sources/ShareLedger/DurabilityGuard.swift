import Gateway
import LedgerStore
import Logging
import Postgres
import Synchronization

/// Refuses messages while the database would not keep what it says it has committed.
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

    /// Whether messages are taken.
    func readiness() async -> PrivateRoutes.Readiness {
        await check()
        return state.withLock { $0.map { .notReady($0) } ?? .ready }
    }

    /// Looks now.
    func check() async {
        let problem: String?
        do {
            let unsafe = try await store.read { session in
                try session.query(
                    """
                    SELECT name
                    FROM pg_settings
                    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')
                        AND setting = 'off'
                    ORDER BY name
                    """
                )
                .decode((String).self)
            }
            problem =
                unsafe.isEmpty ? nil : "\(unsafe.joined(separator: ", ")) off: a commit may be lost; switch it on again"
            store.appender.setUnavailable(problem)
        } catch {
            problem = "the database is not available: \(error)"
        }
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
