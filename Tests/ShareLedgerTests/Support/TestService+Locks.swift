import Foundation
import Linux
import TestSupport
import Testing

/// Stopping a service at a place of one's choice: it waits there for a lock that somebody else holds.
extension TestService {
    /// A lock that a session other than the service's can hold.
    enum Held: String {
        /// Nothing can be recorded.
        case ledger = "SELECT pg_advisory_lock(8316003855895389287)"
        /// No row of the queue can be changed.
        case queue = "BEGIN; LOCK TABLE delivery.queue IN SHARE MODE"
    }

    /// Has a session hold a lock until ``letGo()``, for two minutes at most, and returns once it does.
    func hold(_ lock: Held) async throws {
        let words = ["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        let place = ["-h", "\(data)/socket", "-U", "shareledger_service", "-d", "shareledger"]
        let environment = ["PATH": "/usr/bin:/bin", "PGAPPNAME": "holder"]
        let psql = Command("/usr/bin/psql", words + place, environment: environment, user: try owner)
        let input = try FileDescriptor(inMemory: "\(lock.rawValue); SELECT pg_sleep(120);")
        _ = try psql.start(input: input)
        try await database(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder' AND query LIKE '%pg_sleep%'",
            becomes: "1",
        )
    }

    /// Ends the session that holds a lock.
    func letGo() async throws {
        try database("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'")
        try await database("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holder'", becomes: "0")
    }

    /// Waits until a session of the service waits for a lock with a statement that contains `text`.
    func waitUntilBlocked(in text: String, within duration: Duration = .seconds(60)) async throws {
        try await database(
            """
            SELECT count(*) > 0
            FROM pg_stat_activity
            WHERE application_name <> 'holder'
                AND wait_event_type = 'Lock'
                AND query LIKE '%\(text)%'
            """,
            becomes: "t",
            within: duration,
        )
    }
}
