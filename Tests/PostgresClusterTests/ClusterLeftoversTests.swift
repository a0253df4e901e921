import Foundation
import Linux
import PostgresCluster
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ClusterLeftoversTests {
    /// Text for `postmaster.pid` that names `process`.
    private func postmasterFile(of process: Int32, in fixture: ClusterFixture) -> String {
        """
        \(process)
        \(fixture.server.databasePath)
        1767225600
        5432
        \(fixture.directory.path(of: "socket"))

          5432001    65536
        ready

        """
    }

    private func opens(_ fixture: ClusterFixture, withProcessFile text: String) async throws {
        try await fixture.makeStopped()
        try fixture.directory.replace(fixture.server.postmasterFilePath, with: text)
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
        }
        #expect(try fixture.serverID() == nil)
    }

    @Test func `a process file of a server that is gone is no obstacle`() async throws {
        let fixture = try ClusterFixture()
        try await opens(fixture, withProcessFile: postmasterFile(of: 4_194_303, in: fixture))
    }

    @Test func `a process file whose number now belongs to another process is no obstacle`() async throws {
        let fixture = try ClusterFixture()
        // Of the same user, so that PostgreSQL itself would refuse to start.
        let pipe = try AnonymousPipe()
        let sleeper = Command("/bin/sleep", ["600"], user: fixture.directory.owner)
        let other = try sleeper.start(input: pipe.reading)
        try await opens(fixture, withProcessFile: postmasterFile(of: other.id, in: fixture))
        #expect(try other.exitStatus(slicedBy: fixture.patience) == nil, "it was left alone")
        try fixture.signal(other.id, SIGKILL)
    }

    @Test func `the leftovers of a server that is dead and that nobody has reaped are no obstacle`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.makeStopped()
        let dead = try Command("/bin/true", user: fixture.directory.owner).start(input: try AnonymousPipe().reading)
        while try ProcessTable.entry(dead.id)?.isZombie == false {
            try fixture.patience.check()
            try await Task.sleep(for: .milliseconds(10))
        }
        let text = postmasterFile(of: dead.id, in: fixture)
        try fixture.directory.replace("\(fixture.directory.path(of: "socket"))/.s.PGSQL.5432.lock", with: text)
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
        }
        withExtendedLifetime(dead) {}
    }

    @Test func `a process file whose number now belongs to a server on another database is no obstacle`() async throws {
        let (fixture, neighbour) = (try ClusterFixture(), try ClusterFixture())
        try await neighbour.withCluster { _ in
            let other = try #require(try neighbour.serverID())
            try await opens(fixture, withProcessFile: postmasterFile(of: other, in: fixture))
            #expect(try neighbour.serverID() == other)
        }
    }

    @Test(arguments: ["", "\n", "garbage\n", "0\n", "-2147483648\n", "99999999999999999999\n", "\u{0}\u{0}\u{0}"])
    func `a process file that makes no sense is no obstacle`(text: String) async throws {
        try await opens(try ClusterFixture(), withProcessFile: text)
    }

    @Test func `an interrupted making of the database is begun again`() async throws {
        let fixture = try ClusterFixture()
        let draft = fixture.directory.path(of: "pgdata.unfinished")
        try FileManager.default.createDirectory(atPath: draft + "/base/1", withIntermediateDirectories: true)
        try fixture.directory.replace(draft + "/PG_VERSION", with: "15\n")
        try await fixture.makeStopped()
        #expect(try FileStatus(draft) == nil)
        #expect(try fixture.server.databaseVersion() != nil)
    }

    @Test func `a pgdata that is no database is refused and left as it is`() async throws {
        let fixture = try ClusterFixture()
        _ = try fixture.directory.makeOwned(fixture.server.databasePath)
        try fixture.directory.replace(fixture.server.databasePath + "/letter.txt", with: "keep me")
        let error = try await #require(throws: ClusterError.self) { try await fixture.open() }
        #expect(error.code == .damaged)
        #expect(try FileStatus(fixture.server.databasePath + "/letter.txt") != nil)
    }

    @Test(arguments: [
        ("banana", ClusterError.Code.damaged), ("", .damaged), ("9.6", .damaged), ("14", .damaged),
        ("99", .noPostgreSQL),
    ])
    func `a database of a version that cannot be opened is named`(text: String, code: ClusterError.Code) async throws {
        let fixture = try ClusterFixture()
        _ = try fixture.directory.makeOwned(fixture.server.databasePath)
        try fixture.directory.replace(fixture.server.databasePath + "/PG_VERSION", with: text)
        let error = try await #require(throws: ClusterError.self) { try await fixture.open() }
        #expect(error.code == code)
        if code == .noPostgreSQL { #expect(error.message.contains("apt install postgresql-99")) }
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a database of another user is refused`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.makeStopped()
        try FileManager.default.setAttributes([.ownerAccountID: 12345], ofItemAtPath: fixture.server.databasePath)
        let error = try await #require(throws: ClusterError.self) { try await fixture.open() }
        #expect(error.code == .foreignOwner)
    }

    @Test func `work with postgres --single is not disturbed`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.makeStopped()
        let binaries = try fixture.server.findBinaries(patience: fixture.patience)
        let pipe = try AnonymousPipe()
        let single = try fixture.server
            .command("postgres", ["--single", "-D", fixture.server.databasePath, "postgres"], of: binaries)
            .start(input: pipe.reading)
        while true {
            if case .standalone = try fixture.server.observe() { break }
            try fixture.patience.pause()
        }
        let error = try await #require(throws: ClusterError.self) { try await fixture.open() }
        #expect(error.code == .heldElsewhere)
        #expect(error.message.contains("\(single.id)"))
        try fixture.signal(single.id, SIGTERM)
    }
}
