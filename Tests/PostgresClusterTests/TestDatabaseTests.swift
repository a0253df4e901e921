import PostgresCluster
import TestSupport
import Testing

@Suite(.database) struct TestDatabaseTests {
    @Test(arguments: 0..<4) func `every test case has a database of its own`(number: Int) async throws {
        let database = TestDatabase.current
        try await database.execute("CREATE TABLE one (number int); INSERT INTO one VALUES (\(number))", as: .owner)
        let rows = try await database.execute("SELECT number FROM one", as: .owner)
        #expect(rows == "\(number)\n")
    }

    @Test(.database(template: "filled") { try await $0.execute("CREATE TABLE kept AS SELECT 7 AS number") })
    func `a database is a copy of its template`() async throws {
        #expect(try await TestDatabase.current.execute("SELECT number FROM kept") == "7\n")
    }

    @Test func `whoever reaches the socket is who it says it is`() async throws {
        for role in ClusterRole.allCases {
            #expect(try await TestDatabase.current.execute("SELECT current_user", as: role) == "\(role.rawValue)\n")
        }
    }

    @Test func `a refused statement fails its test`() async throws {
        await #expect(throws: TestDatabase.Failure.self) {
            try await TestDatabase.current.execute("SELECT nothing FROM nowhere")
        }
    }
}
