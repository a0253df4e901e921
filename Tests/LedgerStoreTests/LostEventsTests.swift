import Ledger
import LedgerStore
import Logging
import Postgres
import PostgresCluster
import Sharing
import Synchronization
import TestRequests
import TestSupport
import Testing

/// An end of the ledger that is cut off under a running appender, by a superuser who has switched the guards off.
@Suite(.ledger) struct LostEventsTests {
    private let database = TestDatabase.current

    /// Deletes what stands at `position` and behind it.
    private func cut(from position: Int64) async throws {
        let tables = ["event", "payload"]
        let off = tables.map { "ALTER TABLE ledger.\($0) DISABLE TRIGGER refuse_change;" }.joined()
        let deletion = tables.map { "DELETE FROM ledger.\($0) WHERE position >= \(position);" }.joined()
        let on = tables.map { "ALTER TABLE ledger.\($0) ENABLE ALWAYS TRIGGER refuse_change;" }.joined()
        try await database.execute("BEGIN; \(off) \(deletion) \(on) COMMIT;")
    }

    private func size() async throws -> Int64 {
        var session = try database.session()
        return try LedgerReader.size(in: &session).rawValue
    }

    private func expectRefusal(_ appender: Appender, naming texts: [String]) async throws {
        let size = try await size()
        let error = await #expect(throws: AppendError.self) { try await appender.note(99) }
        guard case .lostEvents(let loss)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(texts.allSatisfy { loss.contains($0) }, "\(loss)")
        #expect(appender.loss == loss)
        #expect(try await self.size() == size)
    }

    @Test func `nothing is appended to a ledger whose end is gone, until a restart`() async throws {
        let lines = LogLines()
        let worker = AppendWorker(
            configuration: database.configuration(),
            settings: try MemoryLedger.settings(),
            keys: MemoryLedger.keys,
            logger: Logger(label: "tests", logLevel: .info, handler: lines),
        )
        let appender = Appender(worker: worker) { _ in }
        for number in 0..<3 { try await appender.note(number) }
        let last = try await size() - 1
        try await cut(from: last - 1)
        let texts = ["position \(last), recorded at ", "the ledger ends at position \(last - 2), recorded at "]
        try await expectRefusal(appender, naming: texts)
        // Whoever has seen nothing of it goes on there, and gives positions again.
        let other = try database.appender()
        for number in 0..<5 { try await other.note(number) }
        try await database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tests service'"
        )
        try await expectRefusal(appender, naming: texts)
        await appender.close()
        await other.close()
        let critical = lines.all.filter { $0.level == .critical }
        #expect(critical.count == 1)
        #expect(texts.allSatisfy { critical.first?.metadata["cause"].map { "\($0)" }?.contains($0) == true })
        #expect(critical.first?.metadata["advice"].map { "\($0)" }?.contains("compare with a backup") == true)
        let restarted = try database.appender()
        try await restarted.note(1)
        await restarted.close()
    }

    @Test(arguments: [1, 2, 3])
    func `events that stand where others stood are no end to go on from`(reused: Int) async throws {
        let appender = try database.appender()
        for number in 0..<3 { try await appender.note(number) }
        let last = try await size() - 1
        try await cut(from: last - 1)
        let other = try database.appender()
        for number in 0..<reused { try await other.note(number) }
        await other.close()
        try await expectRefusal(appender, naming: ["position \(last), recorded at "])
        await appender.close()
    }

    @Test func `where the head is taken for granted another event at its position is told from it`() async throws {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            let preparation: [TestRequest] = [
                .invitation("a1"),
                .deskSets("accepted", of: "a1", with: "partner"),
                .share("t1", under: "a1"),
            ]
            for request in preparation { #expect(try await store.answer(request).status < 300) }
            for number in 0..<8 {
                #expect(try await store.answer(.update("t1", under: "a1", #"{"subject":"\#(number)"}"#)).status == 200)
            }
            try await cut(from: try await size() - 1)
            let other = try database.appender()
            try await other.note(1)
            await other.close()
            let size = try await size()
            let error = await #expect(throws: AppendError.self) {
                try await store.answer(.update("t1", under: "a1", #"{"subject":"lost"}"#))
            }
            #expect(error?.description.contains("was committed and is gone") == true)
            #expect(try await self.size() == size)
        }
    }

    @Test func `what others append is seen, and missed when it is gone`() async throws {
        let (appender, other) = (try database.appender(), try database.appender())
        try await appender.note(1)
        try await other.note(2)
        try await other.note(3)
        try await appender.note(4)
        try await cut(from: try await size() - 2)
        try await expectRefusal(other, naming: ["was committed and is gone"])
        try await expectRefusal(appender, naming: ["was committed and is gone"])
        await appender.close()
        await other.close()
    }
}

/// Keeps what was logged.
private final class LogLines: LogHandler, Sendable {
    private let lines = Mutex<[LogLine]>([])

    func write(_ line: LogLine) {
        lines.withLock { $0.append(line) }
    }

    var all: [LogLine] { lines.withLock { $0 } }
}
