import Foundation
import Linux
import PostgresCluster
import TestSupport
import Testing

@Suite(.tags(.concurrency), .timeLimit(.minutes(5))) struct ClusterRecoveryTests {
    @Test func `a server that was killed is started again`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { cluster in
            #expect(try fixture.query("CREATE TABLE kept AS SELECT 7 AS n", as: "shareledger_owner").isSuccess)
            let id = try #require(try fixture.serverID())
            try fixture.signal(id, SIGKILL)
            try await cluster.ensureRunning()
            #expect(try fixture.serverID() != id)
            #expect(try fixture.query("SELECT n FROM kept", as: "shareledger_owner").output == "7\n")
            let running = try fixture.serverID()
            try await cluster.ensureRunning()
            #expect(try fixture.serverID() == running)
        }
    }

    @Test func `a backend that outlives its killed server does not keep the next one from starting`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { cluster in
            let id = try #require(try fixture.serverID())
            let orphan = try #require(try fixture.server.remainingProcesses().first { $0.id != id })
            try fixture.signal(orphan.id, SIGSTOP, waits: false)
            try fixture.signal(id, SIGKILL)
            try await cluster.ensureRunning()
            #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
            #expect(try ProcessTable.entry(orphan.id).map(\.isZombie) ?? true)
        }
    }

    @Test func `a server that dies while it is asked whether it answers is started again at once`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { cluster in
            let id = try #require(try fixture.serverID())
            try fixture.signal(id, SIGSTOP, waits: false)
            async let running = cluster.ensureRunning(timeout: .seconds(30))
            while !Self.isAsked(fixture.directory.path) { try await Task.sleep(for: .milliseconds(10)) }
            try fixture.signal(id, SIGKILL)
            _ = try await running
            #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
        }
    }

    /// Whether `pg_isready` is looking at the server of this directory.
    private static func isAsked(_ path: String) -> Bool {
        // A process may be gone before it was looked at.
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { process in
            let words = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
            return words.map { $0.contains("pg_isready") && $0.contains(path) } ?? false
        }
    }

    @Test func `a process that is killed leaves the server to the next one`() async throws {
        let fixture = try ClusterFixture()
        let holder = try HolderProcess(fixture.directory.path)
        #expect(try holder.answer() == "open \(fixture.directory.path(of: "socket"))")
        let id = try #require(try fixture.serverID())
        try holder.killHard()
        #expect(try fixture.serverID() == id)
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.serverID() == id)
        }
        #expect(try fixture.serverID() == nil)
        #expect(try fixture.server.remainingProcesses().isEmpty)
    }

    @Test func `processes share the server, and each can be the last`() async throws {
        let fixture = try ClusterFixture()
        let holder = try HolderProcess(fixture.directory.path)
        #expect(try holder.answer()?.hasPrefix("open ") == true)
        let cluster = try await fixture.open()
        let id = try #require(try fixture.serverID())
        try await cluster.close()
        #expect(try fixture.serverID() == id)
        try fixture.signal(id, SIGKILL)
        try holder.tell("ensure")
        #expect(try holder.answer()?.hasPrefix("running ") == true)
        #expect(try fixture.serverID() != nil)
        try holder.tell("close")
        #expect(try holder.answer() == "closed")
        #expect(try fixture.serverID() == nil)
    }

    @Test func `first starts at the same time make one database and one server`() async throws {
        let fixture = try ClusterFixture()
        let holders = try (0..<3).map { _ in try HolderProcess(fixture.directory.path) }
        async let opened = fixture.open()
        for holder in holders {
            #expect(try holder.answer() == "open \(fixture.directory.path(of: "socket"))")
        }
        let cluster = try await opened
        #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
        for holder in holders { try holder.tell("close") }
        for holder in holders { #expect(try holder.answer() == "closed") }
        #expect(try fixture.serverID() != nil)
        try await cluster.close()
        #expect(try fixture.serverID() == nil)
    }

    @Test func `users that come and go at the same time never pull the server from under each other`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.makeStopped()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    for _ in 0..<3 {
                        try await fixture.withCluster { _ async throws in
                            #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try fixture.serverID() == nil)
    }

    @Test func `an opening that is cancelled leaves no server and no lock behind`() async throws {
        let fixture = try ClusterFixture()
        let task = Task { try await fixture.open() }
        while try FileStatus(fixture.directory.path(of: "pgdata.unfinished")) == nil { try fixture.patience.pause() }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(try FileStatus(fixture.directory.path(of: "pgdata.unfinished")) == nil)
        #expect(try fixture.serverID() == nil)
        try await fixture.makeStopped()
    }

    @Test func `closing works in a cancelled task`() async throws {
        let fixture = try ClusterFixture()
        let cluster = try await fixture.open()
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await cluster.close()
        }
        try await task.value
        #expect(try fixture.serverID() == nil)
    }
}
