import HTTPServer
import TestPeers
import Testing

/// `--reason` of commands on partners and agreements: kept with what was done, and shown wherever that is.
@Suite(.fewAtATime) struct ReasonTests {
    @Test func `why something was done to a partner stands in history, event and audit`() async throws {
        let service = try TestService()
        try await service.command("init")
        try await service.command("partner", "add", "lenswerk", "--url", "https://old.example/sharing")
        let paused = try await service.command("partner", "pause", "lenswerk", "--reason", "case 77", "--json").object
        #expect(paused["name"] as? String == "lenswerk" && paused["paused"] as? Bool == true)
        let resumed = try await service.command("partner", "resume", "lenswerk", "--json").object
        #expect(resumed["paused"] as? Bool == false)
        try await service.command(
            "partner",
            "set",
            "lenswerk",
            "--url",
            "https://new.example/sharing",
            "--reason",
            "they have moved"
        )
        let table = try await service.command("history").output.split(separator: "\n")
        #expect(table.count { $0.hasSuffix(" paused: case 77") } == 1, "\(table)")
        #expect(table.count { $0.contains("partner.state_changed") && $0.hasSuffix(" resumed") } == 1, "\(table)")
        #expect(table.last?.hasSuffix(" they have moved") == true)
        let events = try await service.command("history", "--json").objects
        #expect(events.map { $0["reason"] as? String } == [nil, nil, "case 77", nil, "they have moved"])
        #expect(events.map { $0["paused"] as? Bool } == [nil, nil, true, false, nil])
        #expect(try await service.command("event", "show", "2").output.contains("    reason: case 77\n"))
        let operations = try await service.sql(
            """
            SELECT operation, reason, partner_url, old_partner_url
            FROM audit.operation
            WHERE partner = 'lenswerk'
            ORDER BY position
            """
        )
        #expect(
            operations.split(separator: "\n") == [
                "partner add||https://old.example/sharing|", "partner pause|case 77||", "partner resume|||",
                "partner set|they have moved|https://new.example/sharing|https://old.example/sharing",
            ]
        )
        for words in [["pause", "lenswerk"], ["set", "lenswerk", "--concurrency", "9"]] {
            let run = try await service.run(["partner"] + words + ["--reason", " "])
            #expect(run.status == 64 && run.errors.contains("--reason takes 1 to 1000 bytes that say something"))
        }
        #expect(try await service.command("history", "--json").objects.count == events.count)
    }

    @Test func `why an agreement was answered, suspended or resumed is on record, and not sent`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        for agreement in ["a1", "a2"] {
            let body = """
                {"uuid":"\(agreement)","status":"pending","access_key":"\(TestService.key)",\
                "sender_url":"\(partner.url)","receiver_url":"\(service.publicURL)"}
                """
            #expect(try await service.fromPartner("POST", "/agreements/\(agreement)", body).status == 201)
        }
        let allowed = ["--partner-name", "lenswerk", "--allow-http", "--allow-private-address"]
        for (words, reason) in [
            (["accept", "a1"] + allowed, "asked Ann"), (["deactivate", "a1"], "audit"), (["reactivate", "a1"], "done"),
            (["decline", "a2"], "never heard of it"),
        ] {
            let run = try await service.run(["agreement"] + words + ["--reason", reason])
            #expect(run.status == 0, "\(run.errors)")
        }
        let expected = [
            "partner accept|asked Ann", "agreement accepted|asked Ann", "agreement inactive|audit",
            "agreement accepted|done", "agreement declined|never heard of it",
        ]
        let operations = "SELECT operation, reason FROM audit.operation WHERE operation LIKE '% %' ORDER BY position"
        #expect(try await service.sql(operations).split(separator: "\n").map(String.init) == expected)
        let changes = try await service.command("history", "--type", "agreement.updated", "--json").objects
        let reasons = ["asked Ann", "audit", "done", "never heard of it"]
        #expect(changes.map { $0["reason"] as? String } == reasons)
        await partner.waitForRequests(4)
        #expect(partner.requests.allSatisfy { !String(decoding: $0.body, as: UTF8.self).contains("reason") })
    }
}
