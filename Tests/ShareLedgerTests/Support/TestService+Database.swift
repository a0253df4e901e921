import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// The private PostgreSQL behind a service, looked at and treated as no command does.
extension TestService {
    /// Whom service and PostgreSQL run as.
    nonisolated var owner: OSUser {
        get throws {
            let status = try #require(try FileStatus(data))
            return try #require(try OSUser.with(id: status.ownerID))
        }
    }

    /// Asks as the service's role: rows one a line, columns separated by `|`.
    @discardableResult
    func database(_ question: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let words = ["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-"]
        let place = ["-h", "\(data)/socket", "-U", "shareledger_service", "-d", "shareledger"]
        let psql = Command("/usr/bin/psql", words + place, environment: ["PATH": "/usr/bin:/bin"], user: try owner)
        let result = try psql.run(input: question, patience: Patience(.seconds(60), endsWithTask: false))
        try #require(result.isSuccess, "\(result.output)", sourceLocation: sourceLocation)
        return result.output.trimmingCharacters(in: .newlines)
    }

    /// Asks again and again until the answer is this one; for what only time changes, such as a queue that empties.
    func database(
        _ question: String,
        becomes answer: String,
        within duration: Duration = .seconds(60),
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let deadline = ContinuousClock.now.advanced(by: duration)
        while true {
            let now = try database(question, sourceLocation: sourceLocation)
            if now == answer { return }
            try #require(.now < deadline, "still \(now)", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Has the time pass after which claims of a service that was killed are taken for lost.
    ///
    /// A row that somebody is changing at this moment is of one that works.
    func expireClaims() throws {
        try database(
            """
            UPDATE delivery.queue
            SET claimed_until = clock_timestamp() - interval '1 s'
            WHERE delivery_id IN (
                SELECT delivery_id FROM delivery.queue WHERE claim IS NOT NULL FOR UPDATE SKIP LOCKED
            )
            """
        )
    }

    /// The process number of the service that was started last.
    nonisolated var identity: Int32 {
        get throws {
            let text = try String(contentsOfFile: directory.path(of: "service.pid"), encoding: .utf8)
            return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        }
    }

    /// The processes of the private PostgreSQL that serve its sessions, and the others of its own.
    nonisolated func backends(of postmaster: Int32) throws -> [Int32] {
        let path = "/proc/\(postmaster)/task/\(postmaster)/children"
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: " ").compactMap { Int32($0) }
    }

    /// Stops all of PostgreSQL as a debugger would, runs `body`, and lets it go on.
    nonisolated func withStoppedPostgres<Result>(_ body: () async throws -> Result) async throws -> Result {
        let postmaster = try postmaster
        let processes = [postmaster] + (try backends(of: postmaster))
        for process in processes { kill(process, SIGSTOP) }
        defer { for process in processes { kill(process, SIGCONT) } }
        return try await body()
    }

    /// Keeps the service from starting PostgreSQL, as another process does that is about to start or stop it.
    nonisolated func withoutPostgres<Result>(_ body: () async throws -> Result) async throws -> Result {
        let lock = try FileLock(path: "\(data)/change.lock", owner: try owner)
        try lock.lock(.exclusive, patience: Patience(.seconds(60)))
        let postmaster = try postmaster
        let processes = [postmaster] + (try backends(of: postmaster))
        kill(postmaster, SIGKILL)
        // Sessions notice a moment later that they are alone, and may answer until then. One that waits for a lock of another
        // that has gone may never notice.
        let patience = ContinuousClock.now.advanced(by: .seconds(20))
        let deadline = patience.advanced(by: .seconds(100))
        while case let left = processes.filter(Self.isPostgres), !left.isEmpty {
            try #require(.now < deadline, "PostgreSQL does not end")
            if .now > patience { for process in left { kill(process, SIGKILL) } }
            try await Task.sleep(for: .milliseconds(5))
        }
        return try await body()
    }

    /// Whether a process is one of PostgreSQL's, and has not ended.
    private static func isPostgres(_ process: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return stat.contains("(postgres) ") && !stat.contains("(postgres) Z")
    }
}
