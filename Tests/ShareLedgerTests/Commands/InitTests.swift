import TestSupport
import Foundation
import Linux
import Testing

/// Making a ledger, with `init`, `migrate` and `serve`.
@Suite(.fewAtATime) struct InitTests {
    @Test func `a ledger is made once, keeps its origin, and needs no service`() async throws {
        let service = try TestService()
        let options = ["--origin", "mondocam.example/sharing", "--public-url", "https://mondocam.example/sharing"]
        let made = try await service.run(["init"] + options)
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output == "Opened the ledger mondocam.example/sharing/1 in \(service.data)\n")
        #expect(made.errors.isEmpty)
        #expect(try Self.mode(service.data) == 0o700 && Self.mode("\(service.data)/key") == 0o600)

        let again = try await service.run(["init", "--origin", "other.example", "--json"])
        #expect(again.status == 0, "\(again.errors)")
        let answer = try #require(try again.json as? [String: Any])
        #expect(answer["origin"] as? String == "mondocam.example/sharing/1" && answer["created"] as? Bool == false)
        #expect(answer["data"] as? String == service.data)
        #expect(again.errors.contains("other.example"), "it says that the new name is not taken: \(again.errors)")

        // What the service was to be known as still holds, too.
        let doctor = try await service.run("doctor", "--json").objects
        #expect(Self.message("public URL", doctor) == "https://mondocam.example/sharing")
        #expect(Self.message("origin", doctor) == "mondocam.example/sharing/1")
        let history = try await service.command("history", "--json").objects
        #expect(history.map { $0["type"] as? String } == ["epoch.opened"])
        let leaf = try await service.command("event", "show", "0").output
        #expect(leaf.contains("\nlog mondocam.example/sharing/1\n"))
    }

    @Test func `a data directory that the user may not go to is a matter of rights, and named`() throws {
        let temporary = try TemporaryDirectory()
        let locked = temporary.path(of: "locked")
        try FileManager.default.createDirectory(atPath: locked, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: locked)
        let path = "\(locked)/data"
        let id = OSUser.currentID
        let user = try #require(id == 0 ? try OSUser.named("nobody") : try OSUser.with(id: id))
        for words in [["init"], ["serve"], ["history"], ["migrate"]] {
            let command = Command(try ShareLedgerProgram.path, words + ["--data", path], user: user)
            let result = try command.run(patience: Patience(.seconds(60)))
            #expect(result.exit == .code(78), "\(words): \(result.exit)")
            #expect(result.output.contains("The data directory \(path) cannot be used (stat "), "\(result.output)")
            #expect(result.output.contains("Permission denied): run as a user who may enter and write it, or name "))
        }
        let doctor = try Command(try ShareLedgerProgram.path, ["doctor", "--data", path], user: user)
            .run(patience: Patience(.seconds(60)))
        #expect(doctor.exit == .code(1) && doctor.output.contains("run as a user who may enter"))
    }

    @Test(arguments: ["init", "history"])
    func `so is one that nobody can make`(command: String) async throws {
        let run = try await ShareLedgerProgram().run([command, "--data", "/sys/shareledger"])
        #expect(run.status == (command == "init" ? 78 : 66), "\(run.errors)")
        #expect(run.errors.contains("/sys/shareledger"))
    }

    @Test func `the service keeps the origin that init gave`() async throws {
        let service = try TestService(["--origin", "other.example"])
        try await service.command("init", "--origin", "mondocam.example")
        try await service.start()
        try await service.agree()
        for position in 0..<4 {
            let leaf = try await service.command("event", "show", "\(position)").output
            #expect(leaf.contains("\nlog mondocam.example/1\n"))
        }
        #expect(try service.log.contains("other.example"), "it says that the new name is not taken")
    }

    @Test func `migrate makes the schema, and the second time there is nothing to do`() async throws {
        let service = try TestService()
        let first = try await service.command("migrate")
        let lines = first.output.split(separator: "\n")
        #expect(lines.first == "applied schema/migrations/0001_ledger.sql" && lines.count > 10)
        #expect(lines.contains("applied schema/views/audit.message.sql"))
        #expect(try await service.command("migrate").output == "The schema is up to date\n")
        let answer = try #require(try await service.command("migrate", "--json").json as? [String: [String]])
        #expect(answer == ["migrations": [], "objects": []])
        // A schema is no ledger yet.
        let run = try await service.run("agreement", "list")
        #expect(run.status == 66 && run.errors.contains("there is no ledger yet; 'shareledger init'"))
    }

    @Test func `a changed object is applied again, a changed migration is named`() async throws {
        let service = try TestService()
        try await service.command("migrate")
        try await service.administer(
            "DROP VIEW audit.delivery; UPDATE ledger.migration SET checksum = 'x' WHERE path LIKE 'views/%'"
        )
        let again = try await service.command("migrate")
        #expect(again.output.contains("applied schema/views/audit.delivery.sql\n"))
        #expect(try await service.sql("SELECT count(*) FROM audit.delivery") == "0")
        try await service.administer(
            "UPDATE ledger.migration SET checksum = 'x' WHERE path = 'migrations/0003_projections.sql'"
        )
        for words in [["migrate"], ["init"]] {
            let run = try await service.run(words)
            #expect(run.status == 78 && run.output.isEmpty)
            #expect(run.errors.contains("schema/migrations/0003_projections.sql is not the file that was applied"))
        }
    }

    @Test func `commands that only look make no ledger by a slip of the data directory`() async throws {
        let service = try TestService()
        let looks = [
            ["history"], ["partner", "list"], ["sql"], ["replay", "a/b", "--dry-run"], ["reconstruct", "a/b"],
            ["ticket", "list"], ["event", "show", "0"], ["projection", "verify"], ["delivery", "list"], ["doctor"],
        ]
        func expectNothingMade(in place: String) async throws {
            for words in looks {
                let run = try await ShareLedgerProgram().run(words + ["--data", place])
                #expect(run.status == (words == ["doctor"] ? 1 : 66), "\(words): \(run.output)\(run.errors)")
                let advice = words == ["doctor"] ? "'shareledger init'" : "there is no ledger in \(place); 'share"
                #expect((run.output + run.errors).contains(advice), "\(words): \(run.output)\(run.errors)")
            }
        }
        try await expectNothingMade(in: service.data)
        #expect(!FileManager.default.fileExists(atPath: service.data))

        let empty = service.directory.path(of: "empty")
        try FileManager.default.createDirectory(
            atPath: empty,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o755]
        )
        try await expectNothingMade(in: empty)
        #expect(try Self.mode(empty) == 0o755 && FileManager.default.contentsOfDirectory(atPath: empty).isEmpty)

        try await service.command("init")
        let cluster = "\(service.data)/pgdata"
        let before = try FileManager.default.contentsOfDirectory(atPath: cluster).sorted()
        try await expectNothingMade(in: cluster)
        for words in [["init"], ["migrate"], ["serve"]] {
            let run = try await ShareLedgerProgram().run(words + ["--data", cluster])
            #expect(run.status == 78 && run.errors.contains("\(cluster) is the directory of a PostgreSQL database"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: cluster).sorted() == before)
        #expect(try await service.run("history").status == 0)
    }

    @Test func `every option can come from the environment`() async throws {
        let named = try TestService()
        let environment = [
            "SHARELEDGER_DATA": named.data, "SHARELEDGER_ORIGIN": "mondocam.example", "SHARELEDGER_JSON": "1",
            "SHARELEDGER_KEY_FILE": "\(named.directory.path)/elsewhere/key", "SHARELEDGER_LIMIT": "1",
        ]
        try FileManager.default.createDirectory(
            atPath: named.directory.path(of: "elsewhere"),
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o777]
        )
        var program = ShareLedgerProgram(environment: environment)
        let made = try await program.run(["init"])
        // Settings of all commands hold without a word.
        #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
        #expect((try made.json as? [String: Any])?["origin"] as? String == "mondocam.example/1")
        #expect(FileManager.default.fileExists(atPath: named.directory.path(of: "elsewhere/key")))
        #expect(!FileManager.default.fileExists(atPath: "\(named.data)/key"))
        _ = try await program.run(["partner", "add", "a", "--url", "https://a.example"])
        #expect(try await program.run(["history"]).objects.map { $0["type"] as? String } == ["partner.added"])
        // What stands on the command line goes first.
        #expect(try await program.run(["history", "--limit", "5"]).objects.count == 2)
        program.environment["SHARELEDGER_LIMIT"] = "many"
        let wrong = try await program.run(["history"])
        #expect(
            wrong.status == 64
                && wrong.errors.contains("SHARELEDGER_LIMIT in the environment: --limit takes a whole number"),
            "\(wrong.errors)"
        )
        program.environment["SHARELEDGER_JSON"] = "perhaps"
        #expect(
            try await program.run(["partner", "list"]).errors.contains(
                "SHARELEDGER_JSON in the environment: --json is on with 1"
            )
        )
    }

    @Test func `what selects or acts says that it comes from the environment`() async throws {
        let service = try TestService(environment: [
            "SHARELEDGER_NAME": "elsewhere", "SHARELEDGER_LIMIT": "1", "SHARELEDGER_TO": "1",
            "SHARELEDGER_RETRY_SCHEDULE": "1s", "SHARELEDGER_STRANGER_BYTES": "9",
            "SHARELEDGER_DESK_URL": "https://d.example",
        ])
        func noted(_ words: String...) async throws -> [String] {
            let run = try await service.run(words)
            #expect(run.status == 0, "\(words): \(run.errors)")
            return run.errors.matches(of: /(?m)^--(.*) is taken from SHARELEDGER_[A-Z]+ in the environment$/)
                .map { String($0.1) }
        }
        #expect(try await noted("init") == [])
        #expect(try await noted("partner", "add", "a", "--url", "https://a.example") == [])
        #expect(try await noted("history") == ["to", "limit"])
        #expect(try await noted("history", "--to", "2", "--limit", "2") == [])
        #expect(try await noted("agreement", "invite", "a") == ["name"])
        #expect(try await noted("partner", "set", "a", "--concurrency", "1") == ["name"])
        #expect(try await noted("partner", "show", "elsewhere") == [])
    }

    private static func mode(_ path: String) throws -> UInt32 {
        try #require(try FileStatus(path, followsLinks: true)).permissions
    }

    private static func message(_ check: String, _ doctor: [[String: Any]]) -> String? {
        doctor.first { $0["check"] as? String == check }?["message"] as? String
    }
}
