import Linux
import Foundation
import TestPeers
import Testing

/// `history`, `event show`, `ticket list|show` and `reconstruct` on a small known history.
@Suite(.fewAtATime) struct HistoryTests {
    private static let first = "ed46838bfb41461e4f3b16ba471162c8e2764260"
    private static let second = "ed46838bfb41461e4f3b16ba471162c8e2764261"

    @Test func `a known history is found by every filter, with the service running and stopped`() async throws {
        let (service, positions) = try await Self.scene()
        try await Self.lookAtHistory(service, positions)
        try await Self.lookAtTickets(service, positions)
        try await Self.lookAtEvents(service, positions)
        let questions = [
            ["history", "--type", "ticket,agreement"], ["history", "a1/\(Self.first)", "--json"], ["ticket", "list"],
            ["ticket", "show", "a1/\(Self.first)"],
            ["reconstruct", "a2/ed", "--json"], ["event", "show", "3"], ["agreement", "list"],
            ["partner", "list", "--json"],
        ]
        var answers: [String] = []
        for words in questions { answers.append(try await service.run(words).output) }
        #expect(try await service.stop() == .code(0))
        for (words, answer) in zip(questions, answers) {
            let run = try await service.run(words)
            #expect(run.status == 0 && run.output == answer && !answer.isEmpty, "\(words): \(run.errors)")
            #expect(!run.errors.contains("behind"), "\(run.errors)")
        }
        try await service.administer(
            """
            UPDATE projection.follower
            SET next_position = (
                SELECT max(position)
                FROM ledger.event
                WHERE type IN ('ticket.shared', 'ticket.updated', 'ticket.unshared')
            )
            WHERE name = 'ticket'
            """
        )
        let behind = "Subjects and counts of comments are 1 message behind; 'shareledger serve' catches up\n"
        for words in [["ticket", "list"], ["ticket", "list", "--json"]] {
            let list = try await service.run(words)
            #expect(list.status == 0 && list.errors == behind, "\(list.errors)")
        }
    }

    /// Two partners' agreements a1 and a2; two tickets under a1, whose uuids begin alike, one of them under a2 as well.
    private static func scene() async throws -> (TestService, [String: Int]) {
        let service = try await TestService.started()
        var positions: [String: Int] = [:]
        func say(
            _ name: String,
            _ method: String,
            _ ticket: String,
            _ agreement: String,
            _ body: String,
            _ status: Int = 201
        ) async throws {
            let token = TestService.token(agreement)
            let answer = try await service.fromPartner(method, "/tickets/\(ticket)", token: token, body)
            try #require(answer.status == status, "\(answer.body)")
            positions[name] = answer.header("ShareLedger-Position").flatMap { Int($0) }
        }
        try await service.agree("a1")
        try await service.agree("a2", with: "http://127.0.0.1:10/sharing", named: "other")
        try await say(
            "shared",
            "POST",
            first,
            "a1",
            #"{"uuid":"\#(first)","subject":"Autofocus hunts","status":"open","requested_at":"2010-11-24 14:13:54 -0800","tags":["lens"]}"#
        )
        try await say(
            "commented",
            "PUT",
            first,
            "a1",
            #"{"status":"pending","comments":[{"uuid":"c1","body":"New firmware.\nTry it.","author":{"uuid":"p1","name":"Lin","role":"agent"},"authored_at":"2010-11-25 10:00:00 +0100","public":false}]}"#,
            200
        )
        try await say("solved", "PUT", first, "a1", #"{"status":"solved","custom_fields":{"n":1.50}}"#, 200)
        try await say(
            "neighbour",
            "POST",
            second,
            "a1",
            #"{"uuid":"\#(second)","subject":"Bildstöpsel 镜头","status":"new"}"#
        )
        try await say("elsewhere", "POST", first, "a2", #"{"uuid":"\#(first)","subject":"Elsewhere"}"#)
        try await say("refused", "PUT", first, "a1", "{", 422)
        let unknown = try await service.fromPartner("PUT", "/tickets/\(first)", token: "a1:wrong", "{}")
        #expect(unknown.status == 403)
        try await service.eventually("SELECT count(*) FROM audit.message WHERE type = 'message.refused'", is: "2")
        try await service.eventually("the follower has read all") {
            try await service.run("doctor").output.contains("OK    following       up to date")
        }
        return (service, positions)
    }

    private static func types(_ service: TestService, _ words: String...) async throws -> [String] {
        try await service.run(["history", "--json"] + words).objects.compactMap { $0["type"] as? String }
    }

    private static func lookAtHistory(_ service: TestService, _ at: [String: Int]) async throws {
        let all = try await service.command("history", "--json").objects
        #expect(all.compactMap { $0["position"] as? Int } == Array(0..<all.count))
        let names: Set = [
            "position", "event_id", "type", "direction", "agreement", "ticket", "partner", "recorded_at", "status",
            "reason",
        ]
        #expect(all.allSatisfy { Set($0.keys) == names })
        let shared = try #require(all.first { $0["position"] as? Int == at["shared"] })
        #expect(shared["type"] as? String == "ticket.shared" && shared["direction"] as? String == "in")
        #expect(shared["agreement"] as? String == "a1" && shared["ticket"] as? String == first)
        #expect(shared["partner"] as? String == "lenswerk" && shared["status"] as? Int == 201)
        let time = try #require(shared["recorded_at"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/) != nil)
        #expect((shared["event_id"] as? String)?.wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) != nil)
        #expect(all[0]["direction"] is NSNull && all[0]["agreement"] is NSNull && all[0]["status"] is NSNull)

        let share = ["ticket.shared", "ticket.updated", "ticket.updated"]
        #expect(try await types(service, "a1/\(first)", "--type", "ticket") == share)
        #expect(
            try await types(service, "a1/ed46838bfb41461e4f3b16ba471162c8e2764261", "--type", "ticket") == [
                "ticket.shared"
            ]
        )
        #expect(try await types(service, "--agreement", "a2", "--type", "ticket") == ["ticket.shared"])
        #expect(
            try await types(service, "--partner", "other", "--type", "ticket,agreement.invited") == [
                "agreement.invited", "ticket.shared",
            ]
        )
        #expect(
            try await types(service, "--partner", "lenswerk", "--type", "partner") == [
                "partner.added", "partner.changed",
            ]
        )
        #expect(try await types(service, "--type", "message.refused").count == 2)
        #expect(try await types(service, "--direction", "in", "--agreement", "a1", "--type", "ticket").count == 4)
        let (from, to) = (try #require(at["commented"]), try #require(at["neighbour"]))
        let between = try await service.run("history", "--json", "--from", "\(from)", "--to", "\(to)").objects
        #expect(between.compactMap { $0["position"] as? Int } == Array(from..<to))
        let until = try await service.run("history", "--json", "--to", time, "--type", "ticket").objects
        #expect(until.isEmpty)
        let since = try await service.run("history", "--json", "--from", time, "--type", "ticket.shared").objects
        #expect(since.count == 3 && since.first?["position"] as? Int == at["shared"])
        #expect(try await service.run("history", "--json", "--limit", "2").objects.count == 2)
        #expect(try await service.run("history", "--json", "--from", "4711").output == "[]\n")

        // Attempts to deliver go on meanwhile.
        let table = try await service.command("history", "--to", "\(all.count)")
        let lines = table.output.split(separator: "\n")
        #expect(lines.count == all.count + 1 && table.errors.isEmpty)
        expectColumns(table.output, ["POSITION", "RECORDED AT", "TYPE", "DIR"])
        let row = try #require(lines.first { $0.contains(time) })
        #expect(
            row.firstMatch(of: #/  ticket\.shared +in   201     lenswerk +a1         ed46838bfb$/#) != nil,
            "\(row)"
        )
        #expect(!table.output.contains("\u{1B}"))
        let cut = try await service.command("history", "--limit", "3")
        #expect(
            cut.output.split(separator: "\n").count == 4
                && cut.errors == "Older events are not shown; --limit N shows more\n"
        )

        let ambiguous = try await service.run("history", "a1/ed4")
        #expect(ambiguous.status == 64 && ambiguous.output.isEmpty)
        #expect(ambiguous.errors == "shareledger: a1/ed4 is the beginning of several: a1/\(first), a1/\(second)\n")
        let two = try await service.run("history", "--agreement", "a")
        #expect(two.status == 64 && two.errors == "shareledger: a is the beginning of several: a1, a2\n")
        for (words, what) in [
            (["zz/1"], "share zz/1"), (["--agreement", "zz"], "agreement zz"), (["--partner", "zz"], "partner zz"),
            (["a1/%"], "share a1/%"),
        ] {
            let run = try await service.run(["history"] + words)
            #expect(run.status == 66 && run.errors.contains("there is no \(what); "), "\(run.errors)")
        }
    }

    private static func lookAtTickets(_ service: TestService, _ at: [String: Int]) async throws {
        let list = try await service.command("ticket", "list")
        expectColumns(list.output, ["AGREEMENT", "TICKET", "PARTNER", "STATUS", "SHARED", "COMMENTS", "LAST CHANGE"])
        #expect(list.output.contains("Bildstöpsel 镜头\n"))
        let tickets = try await service.command("ticket", "list", "--json").objects
        #expect(tickets.map { $0["agreement"] as? String } == ["a2", "a1", "a1"], "those that changed last first")
        #expect(
            try await service.command("ticket", "list", "--status", "solved", "--json").objects.map {
                $0["comments"] as? Int
            } == [1]
        )
        #expect(try await service.command("ticket", "list", "--partner", "other", "--json").objects.count == 1)
        #expect(try await service.command("ticket", "list", "--agreement", "a1", "--json").objects.count == 2)
        #expect(try await service.command("ticket", "list", "--orphans", "--json").output == "[]\n")

        let page = try await service.command("ticket", "show", "a1/\(first)").output
        for line in [
            "Ticket        \(first)", "Agreement     a1, accepted: lenswerk shares with us",
            "Subject       Autofocus hunts",
            "Status        solved", "Requested     2010-11-24T22:13:54Z", "Tags          lens",
            #"Custom        {"n":1.50}"#,
            "Comment 1  private, by Lin (agent), 2010-11-25T09:00:00Z", "    New firmware.", "    Try it.",
        ] {
            #expect(page.contains("\(line)\n"), "\(line) in \(page)")
        }
        let object = try #require(
            try await service.command("ticket", "show", "a1/\(first)", "--json").json as? [String: Any]
        )
        #expect(object["first_position"] as? Int == at["shared"] && object["last_position"] as? Int == at["solved"])
        #expect((object["ticket"] as? [String: Any])?["subject"] as? String == "Autofocus hunts")
        let ambiguous = try await service.run("ticket", "show", "a1/ed46")
        #expect(ambiguous.status == 64 && ambiguous.errors.contains("is the beginning of several"))

        func statusNow(_ words: String...) async throws -> String? {
            let run = try await service.run(["reconstruct", "a1/\(first)", "--json"] + words)
            return (try run.json as? [String: Any])?["status"] as? String
        }
        #expect(try await statusNow() == "solved")
        #expect(try await statusNow("--position", "\(at["shared"] ?? 0)") == "open")
        #expect(try await statusNow("--position", "\(at["commented"] ?? 0)") == "pending")
        let history = try await service.command("history", "a1/\(first)", "--type", "ticket", "--json").objects
        let time = try #require(history[1]["recorded_at"] as? String)
        #expect(try await statusNow("--at", time) == "pending")
        let changed = try await service.command("diff", "a1/\(first)", "--from", "\(at["shared"] ?? 0)", "--json").json
        let members = try #require((changed as? [String: Any])?["members"] as? [[String: Any]])
        let status = try #require(members.first { $0["member"] as? String == "status" })
        #expect(status["old"] as? String == "open" && status["new"] as? String == "solved")
        #expect(status["position"] as? Int == at["solved"])
        let same = try await service.command("diff", "a1/\(first)", "--from", "\(at["solved"] ?? 0)")
        #expect(same.output.isEmpty && same.errors == "Nothing is different\n")
        let early = try await service.run("diff", "a1/\(first)", "--to", "1")
        #expect(early.status == 66 && early.errors.contains("was not shared yet at the second moment"))
        let zoneless = try await service.run("diff", "a1/\(first)", "--from", "2026-01-31T12:00:00")
        #expect(zoneless.status == 64 && zoneless.errors.contains("a time with a zone"))
        let future = try await service.run("reconstruct", "a1/\(first)", "--at", "2999-01-01T00:00:00Z")
        #expect(
            future.status == 0
                && future.errors == "2999-01-01T00:00:00.000000Z is still to come: this is the ticket as it is now\n"
        )
        let before = try await service.run("reconstruct", "a1/\(first)", "--position", "1")
        #expect(before.status == 66 && before.output.isEmpty && before.errors.contains("was not shared yet"))
        #expect(before.errors.contains("at position \(at["shared"] ?? -1), 20"), "\(before.errors)")
        let beyond = try await service.run("reconstruct", "a1/\(first)", "--position", "4711")
        #expect(beyond.status == 66 && beyond.errors.contains("there is no position 4711 yet; the last event is at"))
    }

    private static func lookAtEvents(_ service: TestService, _ at: [String: Int]) async throws {
        let position = "\(at["commented"] ?? 0)"
        let object = try #require(try await service.command("event", "show", position, "--json").json as? [String: Any])
        let id = try #require(object["event_id"] as? String)
        #expect(object["leaf_matches"] as? Bool == true && object["type"] as? String == "ticket.updated")
        #expect(object["agreement"] as? String == "a1" && object["ticket"] as? String == first)
        let page = try await service.command("event", "show", id).output
        #expect(page.hasPrefix("Event \(position) of agreement:a1, partner lenswerk\n\nshareledger-leaf/v1\nlog "))
        #expect(page.contains("\nticket \(first)\n") && page.contains("\nevent \(id)\n"))
        expectColumns(
            String(
                page.dropFirst(page.distance(from: page.startIndex, to: page.firstRange(of: "PART ")!.lowerBound))
                    .split(separator: "\n\n")[0]
            ),
            ["PART", "BYTES", "CHUNKS", "STATE"]
        )
        #expect(!page.contains("New firmware"), "what people wrote is shown by --raw only")
        #expect(page.contains(/X-Ticket-Sharing-Token: .*\[secret\]/) && !page.contains(TestService.key))

        let raw = try await service.run("event", "show", position, "--raw", "--reason", "case 77")
        #expect(
            raw.status == 0 && raw.output.hasPrefix(#"{"status":"pending","comments":"#) && raw.output.hasSuffix("}")
        )
        #expect(raw.errors.hasPrefix("Recorded at position "))
        let read = try await service.command("history", "--type", "payload.read", "--json").objects
        #expect(read.count == 1 && raw.errors.contains("position \(read[0]["position"] as? Int ?? 0) that "))
        let record = try await service.command("event", "show", "\(read[0]["position"] as? Int ?? 0)").output
        #expect(record.contains("about \(id)\n") && record.contains("reason: case 77\n"), "\(record)")
        #expect(record.contains("part: body") && record.contains("operator: "), "\(record)")
        let line = try await service.run("event", "show", position, "--raw", "--part", "request-line")
        #expect(line.output.hasPrefix("PUT /sharing/tickets/\(first) HTTP/1.1"))
        let none = try await service.run("event", "show", "0", "--raw")
        #expect(none.status == 66 && none.output.isEmpty && none.errors.contains("event 0 has no body"))
        #expect(try await service.command("history", "--type", "payload.read", "--json").objects.count == 2)
        let missing = try await service.run("event", "show", "4711")
        #expect(missing.status == 66 && missing.errors.contains("there is no event 4711; the last one is at position "))
        let unknown = try await service.run("event", "show", "019c1f2e-7a40-7c11-9a6e-0d5c31f2b7a4")
        #expect(unknown.status == 66)
    }

    @Test func `history is narrowed by status, person and words, and printed for a spreadsheet or a stream`()
        async throws
    {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        let body = #"{"uuid":"t1","subject":"\u00dcber 50%_off","current_actor":{"uuid":"u-7","name":"The desk"}}"#
        try await service.desk("POST", "t1", agreed, body)
        try await service.desk("POST", "t2", agreed, #"{"uuid":"t2","subject":"Other"}"#)
        try await service.command("partner", "pause", "lenswerk", "--reason", #"=1+1, "odd""#)
        func lines(_ words: String...) async throws -> [[String: Any]] {
            let run = try await service.run(["history", "--format", "json-lines"] + words)
            try #require(run.status == 0, "\(run.errors)")
            return try run.output
                .split(separator: "\n").map { line in
                    try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                }
        }
        #expect(try await lines("--text", "über 50%_").map { $0["ticket"] as? String } == ["t1"])
        #expect(try await lines("--text", "50%?off").isEmpty)
        #expect(try await lines("--text", "5_%").isEmpty)
        #expect(try await lines("--actor", "u-7").map { $0["ticket"] as? String } == ["t1"])
        #expect(try await lines("--actor", "The desk").count == 1)
        #expect(try await lines("--actor", "' OR true --").isEmpty)
        #expect(try await lines("--status", "201", "--type", "ticket.shared").count == 2)
        #expect(try await lines("--status", "5xx").isEmpty)
        let csv = try await service.command("history", "--type", "partner.state_changed", "--format", "csv").output
        #expect(csv.hasPrefix("position,event_id,type,") && csv.hasSuffix("\r\n"))
        #expect(csv.contains(#","'=1+1, ""odd""",true,"#), "\(csv)")
        for words in [["--status", "4x"], ["--format", "xml"], ["--follow", "--format", "json"], ["--text", ""]] {
            #expect(try await service.run(["history"] + words).status == 64, "\(words)")
        }
    }
}

/// Expects a table whose columns begin where their names do.
func expectColumns(_ table: String, _ names: [String], sourceLocation: SourceLocation = #_sourceLocation) {
    let lines = table.split(separator: "\n").map(Array.init)
    guard let heading = lines.first.map({ String($0) }) else {
        Issue.record("there is no table", sourceLocation: sourceLocation)
        return
    }
    for name in names {
        guard let range = heading.firstRange(of: name) else {
            Issue.record("\(name) is not in \(heading)", sourceLocation: sourceLocation)
            continue
        }
        let column = heading.distance(from: heading.startIndex, to: range.lowerBound)
        guard column > 0 else { continue }
        for line in lines where line.count > column {
            #expect(
                line[column - 2..<column].allSatisfy { $0 == " " },
                "\(name) in \(String(line))",
                sourceLocation: sourceLocation
            )
        }
    }
}
