import Linux
import PostgresCluster
import TestSupport
import Testing

@Suite struct ServerBinariesTests {
    @Test(
        arguments: [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
            ("postgres (PostgreSQL) 18beta1", 18),
            ("postgres (PostgreSQL) 9.6.24", 9),
            ("PostgreSQL", nil),
            ("", nil),
        ] as [(String, Int?)]
    )
    func `the major version is read from what postgres says`(text: String, version: Int?) {
        #expect(ServerBinaries.majorVersion(in: text) == version)
    }

    @Test func `an installation is found without a PATH`() throws {
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        let patience = Patience(.seconds(10))
        let binaries = try ServerBinaries.find(version: nil, environment: [:], user: user, patience: patience)
        #expect(binaries.version >= ServerBinaries.oldestVersion)
    }

    @Test func `a missing version is named with the package that has it`() throws {
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        let error = try #require(throws: ClusterError.self) {
            try ServerBinaries.find(version: 97, environment: [:], user: user, patience: Patience(.seconds(10)))
        }
        #expect(error.code == .noPostgreSQL)
        #expect(error.message.contains("postgresql-97"))
    }
}
