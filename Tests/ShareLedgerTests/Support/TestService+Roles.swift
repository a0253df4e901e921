import Foundation
import Testing

extension TestService {
    /// Runs SQL on the private PostgreSQL with more rights than any command has: rows one a line, columns separated by `|`.
    ///
    /// - Parameter role: Of those that the owner of the data directory may be; PostgreSQL's superuser by default.
    @discardableResult
    nonisolated func administer(
        _ sql: String,
        as role: String = "shareledger_admin",
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws -> String {
        let finished = try await attempt(sql, as: role)
        try #require(finished.status == 0, "\(sql): \(finished.errors)", sourceLocation: sourceLocation)
        return finished.output.trimmingCharacters(in: .newlines)
    }

    /// As ``administer(_:as:sourceLocation:)``, whatever comes of it; every statement is tried.
    nonisolated func attempt(
        _ sql: String,
        as role: String,
        stopsAtErrors: Bool = true,
    ) async throws -> ShareLedgerProgram.Finished {
        let stop = "--set=ON_ERROR_STOP=\(stopsAtErrors ? 1 : 0)"
        // psql lets its user log in anew, and the operating system vouches for the owner of the data directory.
        return try await psql(["-X", "-q", "-A", "-t", stop, "--username=\(role)"], input: sql)
    }

    /// Asks again and again until the answer is yes; records an issue where that takes more than half a minute.
    nonisolated func eventually(
        _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ isTrue: () async throws -> Bool,
    ) async throws {
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while try await !isTrue() {
            try #require(.now < deadline, "not in half a minute: \(what)", sourceLocation: sourceLocation)
        }
    }

    /// Waits until an auditor gets this answer.
    nonisolated func eventually(
        _ question: String,
        is answer: String,
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        var last = ""
        let deadline = ContinuousClock.now.advanced(by: .seconds(30))
        while true {
            last = try await sql(question, sourceLocation: sourceLocation)
            if last == answer { return }
            try #require(.now < deadline, "\(question) is still \(last)", sourceLocation: sourceLocation)
        }
    }
}
