import Foundation
import Linux
import TestPeers
import Testing

extension TestService {
    /// What must hold after whatever came in: it answers, has no gap, can be read in full, and discloses no key.
    nonisolated func expectSound(
        secrets: [String] = [TestService.key],
        sourceLocation: SourceLocation = #_sourceLocation,
    ) async throws {
        let ready = try await ask("GET", "/readyz", at: privatePort)
        #expect(ready?.status == 200, sourceLocation: sourceLocation)
        let looks = [
            try await run("doctor"), try await run("projection", "verify"), try await run("history", "--json"),
        ]
        for look in looks {
            let said = Comment(rawValue: look.output.suffix(2000) + look.errors)
            #expect(look.status == 0, said, sourceLocation: sourceLocation)
        }
        for view in ["message", "shared_with", "delivery"] {
            // Every column of every row is made, and not only counted.
            let answer = try await sql("SELECT count(v::text) = count(*) FROM audit.\(view) AS v")
            #expect(answer == "t", "\(view)", sourceLocation: sourceLocation)
        }
        let gaps = try await askOwner("SELECT count(*) - coalesce(max(position) + 1, 0) FROM ledger.event")
        #expect(gaps == "0", sourceLocation: sourceLocation)
        for secret in secrets {
            let places = try await places(of: secret)
            #expect(places == [], sourceLocation: sourceLocation)
        }
    }

    /// The database owner's answer to a question: rows one a line, columns separated by `|`.
    func askOwner(_ question: String) throws -> String {
        try OwnersDatabase(of: self).query(question)
    }

    /// Where a secret can be read: in a dump of the whole database, as text or as bytes, or in a log.
    func places(of secret: String) throws -> [String] {
        try OwnersDatabase(of: self).places(of: secret)
    }
}

/// A service's private PostgreSQL, asked as its owner.
private struct OwnersDatabase {
    private let service: TestService
    private let user: OSUser

    init(of service: TestService) throws {
        self.service = service
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(service.data)/pgdata")
        let id = try #require(attributes[.ownerAccountID] as? NSNumber)
        user = try #require(try OSUser.with(id: id.uint32Value))
    }

    func query(_ question: String) throws -> String {
        let script = #"exec psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1""#
        return try shell(script, [question]).trimmingCharacters(in: .newlines)
    }

    func places(of secret: String) throws -> [String] {
        let hexadecimal = secret.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let dump = """
            set -e
            file=$(mktemp)
            trap 'rm -f "$file"' EXIT
            pg_dump >"$file"
            grep -q 'COPY ledger.payload' "$file"
            grep -F -n -e "$1" -e "$2" "$file" | cut -c 1-300 || true
            """
        var places = try shell(dump, [secret, hexadecimal]).split(separator: "\n").map { "dump: \($0)" }
        let postgresLog = try String(contentsOfFile: "\(service.data)/postgresql.log", encoding: .utf8)
        for (name, log) in [("log", try service.log), ("postgresql.log", postgresLog)] where log.contains(secret) {
            places.append(name)
        }
        return places
    }

    private func shell(_ script: String, _ arguments: [String]) throws -> String {
        let file = try String(contentsOfFile: "\(service.data)/pgdata/postmaster.pid", encoding: .utf8)
        let lines = file.components(separatedBy: "\n")
        try #require(lines.count > 4)
        let result = try Command(
            "/bin/sh",
            ["-c", script, "sh"] + arguments,
            environment: [
                "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
                "PGHOST": lines[4],
                "PGPORT": lines[3],
                "PGUSER": "shareledger_owner",
                "PGDATABASE": "shareledger",
            ],
            user: user,
        ).run(patience: Patience(.seconds(60), endsWithTask: false))
        try #require(result.isSuccess, "\(result.output)")
        return result.output
    }
}
