import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct GeneratedLedgerTests {
    private let database = TestDatabase.current

    @Test(.tags(.concurrency)) func `what two processes append at once is one ledger, as anybody can recompute`()
        async throws
    {
        try await prepare(database)
        let answers = try await withThrowingTaskGroup(of: [Answer].self) { group in
            for process in 0..<2 {
                group.addTask { try await work(on: database, process: process, requestCount: 80) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        var session = try database.session()
        let ledger = try ReferenceLedger(in: &session)
        #expect(ledger.faults == [])
        let statuses = Dictionary(grouping: answers, by: \.status).mapValues(\.count)
        #expect([200, 201, 401, 403, 422].allSatisfy { statuses[$0, default: 0] > 0 }, "\(statuses)")
        #expect(answers.contains { $0.isRepeat })
        // Every answer names an event, and each accepted message is there once.
        let first = answers.filter { !$0.isRepeat }.compactMap(\.receipt)
        #expect(Set(first.map(\.position)).count == first.count)
        let found = try session.query(
            "SELECT count(*) FROM ledger.event WHERE (position, event_id) IN (SELECT * FROM unnest(\(first.map(\.position)), \(first.map(\.event))))"
        )
        #expect(try found.onlyRow()[0, as: Int64.self] == Int64(first.count))
        #expect(ledger.count > answers.count)
    }

    @Test func `a ledger that was tampered with is seen to be`() async throws {
        try await prepare(database)
        let changes = [
            "UPDATE ledger.payload SET content = content || ' '::bytea WHERE position = 3 AND part = 'body'",
            "UPDATE ledger.event SET status = 599 WHERE position = 3",
            "DELETE FROM ledger.event WHERE position = 3",
            "UPDATE ledger.payload SET chunk_lengths[1] = chunk_lengths[1] + 1, chunk_lengths[2] = chunk_lengths[2] - 1 WHERE position = 3 AND part = 'body'",
            "DELETE FROM ledger.payload WHERE position = 3 AND part = 'detail'",
            "UPDATE ledger.event SET recorded_at = recorded_at + '1 day' WHERE position = 3",
            "UPDATE ledger.stream SET name = 'agreement:in-9' WHERE name = 'agreement:in-1'",
        ]
        for change in changes {
            let found = try await database.tampered(change) { session in try ReferenceLedger(in: &session).faults }
            #expect(found != [], "\(change)")
        }
    }
}

private func prepare(_ database: TestDatabase) async throws {
    try await database.withStore(deskURL: "https://help.example/sharing") { store in
        try await store.addPartner("partner", url: TestRequest.partnerURL)
        for request in GeneratedTraffic.preparation {
            let answer = try await store.answer(request)
            #expect(answer.status < 300, "\(request.path): \(answer)")
        }
    }
}

private func work(on database: TestDatabase, process: Int, requestCount: Int) async throws -> [Answer] {
    try await database.withStore(deskURL: "https://help.example/sharing") { store in
        try await withThrowingTaskGroup(of: [Answer].self) { group in
            for task in 0..<4 {
                group.addTask {
                    let seed = SeededGenerator.seed &+ UInt64(process * 10 + task)
                    var traffic = GeneratedTraffic(seed: seed, label: "p\(process)\(task)")
                    var answers: [Answer] = []
                    for _ in 0..<requestCount { answers.append(try await store.answer(traffic.next())) }
                    return answers
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}

extension TestDatabase {
    /// What `body` finds after a change that nobody but a superuser without guards can make, which is then taken back.
    fileprivate func tampered<Result>(
        _ change: String,
        _ body: (inout PostgresSession) throws -> Result,
    ) async throws -> Result {
        var session = try session(as: .administrator)
        try session.execute("BEGIN")
        for table in ["event", "payload", "stream"] {
            try session.execute("ALTER TABLE ledger.\(identifier: table) DISABLE TRIGGER ALL")
            try session.execute("ALTER TABLE ledger.\(identifier: table) DISABLE TRIGGER refuse_change")
        }
        try session.execute("\(unescaped: change)")
        let result = try body(&session)
        try session.execute("ROLLBACK")
        return result
    }
}
