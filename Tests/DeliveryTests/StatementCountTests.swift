import Delivery
import HTTPServer
import Ledger
import LedgerStore
import Postgres
import Sharing
import TestPeers
import TestSupport
import Testing
import TicketSharing

/// Counts what the server was asked to do, in the server's own log.
@Suite(.schema, .serialized, .timeLimit(.minutes(5)))
struct StatementCountTests {
    // A few requests at a time share few commits; it is with many that the cost matters.
    @Test(arguments: [(partners: 4, concurrency: 4), (partners: 1, concurrency: 16)])
    func `a delivered message costs at most six statements`(partners: Int, concurrency: Int) async throws {
        try await TestDatabase.current.execute(
            "ALTER DATABASE \"\(TestDatabase.current.name)\" SET log_statement = 'all'"
        )
        let partner = try FakePartner { _, _ in
            // A partner takes a moment to answer; without it there would be less to gather.
            try? await Task.sleep(for: .milliseconds(20))
            return HTTPResponse(status: 200)
        }
        let ledger = try await TestLedger { $0.upkeepInterval = .seconds(5) }
        for number in 0..<partners {
            let url = "\(partner.url)/\(number)"
            try await ledger.addPartner("lens\(number)", at: url) { $0.concurrency = concurrency }
            let agreement = try await ledger.agree(with: "lens\(number)", at: url, id: "a\(number)")
            for ticket in 0..<(320 / partners) {
                try await ledger.share("t\(number)-\(ticket)", under: agreement)
            }
        }
        let before = try await statementCount()
        try await ledger.withEngine { _ in await partner.waitForRequests(320) }
        let count = try await statementCount() - before
        #expect(try await ledger.value("SELECT count(*)::text FROM delivery.queue") == "0")
        #expect(Double(count) / 320 <= 6, "\(count) statements for 320 messages")
        await ledger.close()
        await partner.stop()
    }

    private func statementCount() async throws -> Int {
        let text = try await TestDatabase.current.execute(
            """
            SELECT count(*)
            FROM regexp_matches(
                pg_read_file(current_setting('data_directory') || '/../postgresql.log'), 'LOG:  (execute|statement)', 'g')
            """
        )
        return try #require(Int(text.split(separator: "\n").first ?? ""))
    }
}
