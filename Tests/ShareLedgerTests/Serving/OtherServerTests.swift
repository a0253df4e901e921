import TestPeers
import Linux
import Foundation
import PostgresCluster
import TestSupport
import Testing

/// A PostgreSQL of somebody else's in the place of the private one.
@Suite(.fewAtATime, .database(template: "other-server", durable: true) { _ in }) struct OtherServerTests {
    private let database = TestDatabase.current

    @Test func `with an owner's URL the service makes the schema by itself, and all commands work`() async throws {
        let environment = [
            "DATABASE_URL": url(.service), "SHARELEDGER_OWNER_URL": url(.owner),
            "SHARELEDGER_AUDITOR_URL": url(.auditor),
        ]
        let service = try await TestService.started(environment: environment)
        try await service.agree()
        let body = #"{"uuid":"t1","subject":"S","status":"open"}"#
        #expect(try await service.fromPartner("POST", "/tickets/t1", token: TestService.token(), body).status == 201)
        for isRunning in [true, false] {
            if !isRunning { #expect(try await service.stop() == .code(0)) }
            #expect(try await service.sql("SELECT current_user, count(*) FROM shared_with") == "shareledger_auditor|1")
            #expect(try await service.command("ticket", "list", "--json").objects.count == 1)
            let ticket = try await service.command("reconstruct", "a1/t1", "--json").json as? [String: Any]
            #expect(ticket?["subject"] as? String == "S")
            try await service.command("projection", "verify")
            try await service.command("projection", "rebuild")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(service.data)/pgdata"), "no private server is made")
        let doctor = try await service.run("doctor")
        #expect(
            doctor.output.contains("database \(database.name)\n")
                && doctor.output.contains("OK    role            shareledger_service\n")
        )
        #expect(try await database.execute("SELECT count(*) FROM audit.shared_with") == "1\n")
    }

    @Test func `without an owner's URL serve says to run migrate, which says what it needs`() async throws {
        let variables = [
            "PGHOST": database.endpoint.socketDirectory, "PGPORT": "\(database.endpoint.port)",
            "PGDATABASE": database.name,
            "PGUSER": "shareledger_service",
        ]
        let service = try TestService(environment: variables)
        try await service.launch()
        #expect(try await service.waitForEnd() == .code(78))
        let log = try service.log
        #expect(log.contains("run 'shareledger migrate' with SHARELEDGER_OWNER_URL set"), "\(log)")
        for words in [["migrate"], ["init"]] {
            let run = try await service.run(words)
            #expect(
                run.status == 78 && run.output.isEmpty && run.errors.contains("SHARELEDGER_OWNER_URL"),
                "\(run.errors)"
            )
        }
        let none = try await service.run("history")
        #expect(none.status == 66 && none.errors.contains("the database holds no ledger"), "\(none.errors)")
        let owner = variables.merging(["SHARELEDGER_OWNER_URL": url(.owner)]) { $1 }
        let migrated = try await ShareLedgerProgram(environment: owner).run(["migrate", "--data", service.data])
        #expect(
            migrated.status == 0 && migrated.output.contains("applied schema/migrations/0001_ledger.sql\n"),
            "\(migrated.errors)"
        )
        // Now the service's own rights are enough.
        try await service.start()
        try await service.agree()
        #expect(try await service.command("partner", "list").output.contains("lenswerk"))
        for words in [["sql", "--", "-c", "SELECT 1"], ["projection", "rebuild"]] {
            let run = try await ShareLedgerProgram(environment: variables).run(
                [words[0]]
                    + (words[0] == "sql"
                        ? ["--data", service.data] + words.dropFirst() : words.dropFirst() + ["--data", service.data])
            )
            let variable = words[0] == "sql" ? "SHARELEDGER_AUDITOR_URL" : "SHARELEDGER_OWNER_URL"
            #expect(run.status == 78 && run.errors.contains("set \(variable) to a URL"), "\(run.errors)")
        }
    }

    @Test func `a server that is not there is named, without a password`() async throws {
        let service = try TestService(environment: ["DATABASE_URL": "postgresql://ann:hunter2@127.0.0.1:9/ledger"])
        try FileManager.default.createDirectory(
            atPath: service.data,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        let early = try await service.run("history")
        #expect(early.status == 66 && early.errors.contains("\(service.data) is no data directory of a ledger; "))
        for words in [
            ["init"], ["history"], ["partner", "list"], ["migrate"],
            [
                "serve", "--public-listen", "127.0.0.1:\(service.publicPort)", "--private-listen",
                "127.0.0.1:\(service.privatePort)",
            ],
        ] {
            let run = try await service.run(words)
            let expected: Int32 = words == ["migrate"] ? 78 : 69
            #expect(run.status == expected && run.output.isEmpty, "\(words): \(run.status) \(run.errors)")
            #expect(!run.errors.contains("hunter2"))
            if words != ["migrate"] { #expect(run.errors.contains("the database is not available"), "\(run.errors)") }
        }
        let doctor = try await service.run("doctor")
        #expect(doctor.status == 1 && doctor.output.contains("FAIL  database") && !doctor.output.contains("hunter2"))
    }

    private func url(_ role: ClusterRole) -> String {
        let (host, port) = (database.endpoint.socketDirectory, database.endpoint.port)
        return "postgresql:///\(database.name)?host=\(host)&port=\(port)&user=\(role.rawValue)"
    }
}
