import Foundation
import Linux
import PostgresCluster
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct PrivateClusterTests {
    @Test func `the first opening makes a database that is safe and closed to others`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster(settings: .service) { cluster in
            let settings = [
                "data_checksums": "on", "fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
                "listen_addresses": "", "unix_socket_permissions": "0700", "server_encoding": "UTF8", "jit": "off",
                "wal_level": "replica", "TimeZone": "UTC", "wal_compression": "lz4", "max_connections": "50",
                "lc_collate": "C", "lc_ctype": "C.UTF-8",
            ]
            for (name, value) in settings {
                let shown = try fixture.query("SHOW \(name)", as: "shareledger_service")
                #expect(shown.output == value + "\n", "\(name)")
            }
            let endpoint = await cluster.endpoint
            #expect(endpoint.socketDirectory == fixture.directory.path(of: "socket"))
            #expect(
                endpoint.parameters(as: .service) == [
                    "host": fixture.directory.path(of: "socket"), "port": "5432", "dbname": "shareledger",
                    "user": "shareledger_service",
                ]
            )
        }
        for entry in ["", "/pgdata", "/socket"] {
            let status = try #require(try FileStatus(fixture.directory.path + entry))
            #expect(status.permissions == 0o700)
            #expect(status.ownerID == fixture.directory.owner.id)
        }
    }

    @Test(arguments: [(0, 128), (512 << 20, 128), (2 << 30, 512), (3 << 30, 768), (64 << 30, 1024)])
    func `the server keeps a quarter of the memory for its pages, within bounds`(memory: Int, megabytes: Int) {
        #expect(ServerSettings.buffers(memoryByteCount: memory) == megabytes)
    }

    @Test func `the memory is that of the machine at most`() throws {
        let text = try FileDescriptor("/proc/meminfo", for: .reading).text()
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("MemTotal:") })
        let kilobytes = try #require(Int(line.filter(\.isNumber)))
        // What the kernel keeps for itself is in neither.
        #expect(1 << 20 < Memory.byteCount && Memory.byteCount <= kilobytes * 1024)
    }

    @Test func `the roles are there, each with no more than it needs`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { _ in
            for role in ClusterRole.allCases {
                #expect(try fixture.query("SELECT current_user", as: role.rawValue).output == role.rawValue + "\n")
            }
            let roles = try fixture.query(
                """
                SELECT rolname, rolsuper, rolcanlogin, rolcreaterole, rolcreatedb, rolbypassrls, rolpassword
                FROM pg_authid WHERE rolname LIKE 'shareledger%' AND rolname <> 'shareledger_admin' ORDER BY 1
                """,
                as: "shareledger_admin",
            )
            #expect(
                roles.output == """
                    shareledger_auditor|f|t|f|f|f|
                    shareledger_eraser|f|f|f|f|f|
                    shareledger_owner|f|t|f|f|f|
                    shareledger_service|f|t|f|f|f|

                    """
            )
            #expect(try fixture.query("CREATE SCHEMA ledger", as: "shareledger_owner").isSuccess)
            #expect(try !fixture.query("CREATE SCHEMA stray", as: "shareledger_service").isSuccess)
            #expect(try !fixture.query("CREATE TABLE public.stray ()", as: "shareledger_auditor").isSuccess)
            #expect(try !fixture.query("SELECT 1", as: "shareledger_eraser").isSuccess)
            #expect(try !fixture.query("SELECT 1", as: "shareledger_service", database: "postgres").isSuccess)
        }
    }

    @Test func `the server is out of reach of our signals, locks and environment`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { _ in
            let id = try #require(try fixture.serverID())
            let stat = try FileDescriptor("/proc/\(id)/stat", for: .reading).text()
            #expect(stat.split(separator: " ")[5] == "\(id)", "it leads a session of its own")
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd")
                .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/fd/\($0)") }
            #expect(open.contains { $0.hasSuffix("postgresql.log") })
            #expect(!open.contains { $0.hasSuffix(".lock") && $0.hasPrefix(fixture.directory.path + "/c") })
            let variables = try FileDescriptor("/proc/\(id)/environ", for: .reading).text().split(separator: "\0")
                .compactMap { $0.split(separator: "=").first }
            let own: Set<Substring> = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ"]
            let postgres: Set<Substring> = [
                "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "PGLOCALEDIR",
                "PGSYSCONFDIR", "PG_GRANDPARENT_PID", "PGDATA",
            ]
            #expect(Set(variables).subtracting(postgres).subtracting(own).isEmpty)
            #expect(try FileStatus("/proc/\(id)")?.ownerID == fixture.directory.owner.id)
        }
    }

    @Test func `the server runs until its last user has closed`() async throws {
        let fixture = try ClusterFixture()
        let first = try await fixture.open()
        let second = try await fixture.open()
        let id = try fixture.serverID()
        try await first.close()
        try await first.close()
        #expect(try fixture.serverID() == id)
        #expect(try fixture.query("SELECT 1", as: "shareledger_service").isSuccess)
        try await second.close()
        #expect(try fixture.serverID() == nil)
        #expect(try fixture.server.remainingProcesses().isEmpty)
        #expect(try FileStatus(fixture.server.postmasterFilePath) == nil)
    }

    @Test func `what was written is there after closing and opening`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.query("CREATE TABLE kept AS SELECT 7 AS n", as: "shareledger_owner").isSuccess)
        }
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.query("SELECT n FROM kept", as: "shareledger_owner").output == "7\n")
        }
    }

    @Test func `settings of the operator's own are read after ours`() async throws {
        let fixture = try ClusterFixture()
        try fixture.directory.replace(fixture.directory.path(of: "postgresql.conf"), with: "work_mem = '7MB'\n")
        try await fixture.withCluster { _ async throws in
            #expect(try fixture.query("SHOW work_mem", as: "shareledger_service").output == "7MB\n")
        }
    }

    @Test func `a setting that stops the server is named`() async throws {
        let fixture = try ClusterFixture()
        try fixture.directory.replace(fixture.directory.path(of: "postgresql.conf"), with: "no_such_setting = 1\n")
        let error = try await #require(throws: ClusterError.self) { try await fixture.makeStopped() }
        #expect(error.code == .startFailed)
        #expect(error.detail.contains("no_such_setting"))
    }

    @Test(arguments: [String(repeating: "long/", count: 40) + "data", "it's \"odd\", $(touch odd) \\ `ü"])
    func `any path will do`(name: String) async throws {
        let fixture = try ClusterFixture(name)
        let cluster = try await fixture.open()
        let socket = await cluster.endpoint.socketDirectory
        #expect(socket.hasPrefix("/tmp/shareledger-\(fixture.directory.owner.id)-"))
        #expect(try fixture.query("SELECT 1", as: "shareledger_service").output == "1\n")
        let second = try await fixture.open()
        #expect(await second.endpoint.socketDirectory == socket)
        try await cluster.close()
        try await second.close()
        #expect(try FileStatus(socket) == nil)
    }

    @Test func `a log that has grown too large is cut, and the server goes on writing to it`() async throws {
        let fixture = try ClusterFixture()
        try await fixture.withCluster { _ in
            let log = fixture.server.log
            let file = try log.open()
            for _ in 0..<9 { try file.write(String(repeating: "x", count: (1 << 20) - 1) + "\n") }
            try log.trim(into: fixture.directory)
            #expect(try file.size == 0)
            #expect(try FileDescriptor(log.path + ".1", for: .reading).size == 1 << 20)
            _ = try fixture.query("SELECT nothing", as: "shareledger_service")
            let text = try log.text(since: 0)
            #expect(text.contains("column \"nothing\" does not exist"))
            #expect(!text.contains("STATEMENT"))
        }
    }
}
