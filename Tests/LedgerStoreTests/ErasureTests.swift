import JSON
import Ledger
import LedgerStore
import Postgres
import PostgresCluster
import Sharing
import TestRequests
import TestSupport
import Testing

@Suite(.ledger) struct ErasureTests {
    private let database = TestDatabase.current

    @Test func `a part is erased with an event that names it, and the ledger still adds up`() async throws {
        let position = try await share()
        try await database.withStore { store in
            _ = try await store.erase([(position, "body"), (position, "headers")])
        }
        var session = try database.session()
        let parts = try LedgerReader.parts(of: position, in: &session)
        #expect(Set(parts.keys) == [.requestLine, .facts, .detail])
        let erased: Set = ["\(position) body", "\(position) headers"]
        #expect(try ReferenceLedger(in: &session, erased: erased).faults == [])
        let row = try session.query(
            "SELECT body_form, body IS NULL, members::text FROM audit.message WHERE position = \(position)"
        )
        let (form, isNull, members) = try row.onlyRow().decode((String, Bool, String).self)
        #expect(form == "erased" && isNull && members.contains("subject"))
    }

    @Test func `facts are never erased, and nothing is erased twice or that is not there`() async throws {
        let position = try await share()
        try await database.withStore { store in
            for part in ["facts", "sent-body", "nonsense"] {
                let error = await #expect(throws: AppendError.self) { try await store.erase([(position, part)]) }
                #expect("\(try #require(error))".contains("SL002"), "\(part)")
            }
            _ = try await store.erase([(position, "detail")])
            _ = await #expect(throws: AppendError.self) { try await store.erase([(position, "detail")]) }
        }
        var session = try database.session()
        #expect(
            try session.query("SELECT count(*) FROM ledger.event WHERE type = 'payload.erased'").onlyRow()[
                0,
                as: Int64.self
            ] == 1
        )
    }

    @Test func `without an event of the same transaction nothing is erased`() async throws {
        let position = try await share()
        let earlier = try await database.withStore { store in try await store.erase([(position, "headers")]) }
        var session = try database.session()
        let calls: [SQL] = [
            // An event of another transaction, of another part, no such event at all, one that is no erasure.
            "SELECT ledger.erase_part(\(earlier.rawValue), \(position.rawValue), 'headers')",
            "SELECT ledger.erase_part(\(earlier.rawValue), \(position.rawValue), 'body')",
            "SELECT ledger.erase_part(99999, \(position.rawValue), 'body')",
            "SELECT ledger.erase_part(\(position.rawValue), \(position.rawValue), 'body')",
            "SELECT ledger.erase_part(NULL, \(position.rawValue), 'body')",
        ]
        for call in calls {
            let error = #expect(throws: PostgresError.self) { try session.query(call) }
            #expect(error?.code == SQLState(rawValue: "SL002"))
        }
        #expect(try LedgerReader.parts(of: position, in: &session)[.body] != nil)
    }

    @Test func `whoever becomes the eraser by other ways is held to the same`() async throws {
        let position = try await share()
        let earlier = try await database.withStore { store in try await store.erase([(position, "headers")]) }
        for role in [ClusterRole.owner, .administrator] {
            var session = try database.session(as: role)
            try session.execute("SET ROLE shareledger_eraser")
            for setting in ["", "\(earlier)", "\(position)"] {
                _ = try session.query("SELECT set_config('shareledger.erasure', \(setting), false)")
                for statement in ["DELETE FROM ledger.payload", "DELETE FROM ledger.payload WHERE part = 'body'"] {
                    let error = #expect(throws: PostgresError.self) { try session.execute("\(unescaped: statement)") }
                    #expect(error?.code == SQLState(rawValue: "SL001"))
                }
            }
            let error = #expect(throws: PostgresError.self) {
                try session.execute("UPDATE ledger.payload SET content = ''")
            }
            #expect(error?.code == .insufficientPrivilege)
            _ = #expect(throws: PostgresError.self) { try session.execute("CREATE TABLE ledger.mine ()") }
        }
    }

    @Test func `the function runs as the eraser, and the eraser owns nothing else`() async throws {
        let owned = try await database.execute(
            """
            SELECT p.oid::regprocedure, p.prosecdef
            FROM pg_proc AS p
            WHERE p.proowner = 'shareledger_eraser'::regrole
            """
        )
        #expect(owned == "ledger.erase_part(bigint,bigint,text)|t\n")
        let tables = try await database.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = 'shareledger_eraser'::regrole"
        )
        #expect(tables == "0\n")
    }

    private func share() async throws -> Position {
        try await database.withStore { store in
            try await store.addPartner("partner", url: TestRequest.partnerURL)
            _ = try await store.answer(.invitation("a1"))
            _ = try await store.answer(.deskSets("accepted", of: "a1", with: "partner"))
            let answer = try await store.answer(.share("t1", under: "a1"))
            return try #require(answer.receipt).position
        }
    }
}
