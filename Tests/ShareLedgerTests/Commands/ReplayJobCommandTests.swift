import Foundation
import HTTPServer
import TestPeers
import Testing

/// A replay as an operator runs it: planned, paced, paused, killed, resumed, watched, cancelled.
@Suite(.fewAtATime) struct ReplayJobCommandTests {
    @Test func `a replay outlives a pause and a kill -9, and every item is accounted for`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        let tickets = (0..<30).map { "t\($0)" }
        for ticket in tickets { try await service.desk("POST", ticket, agreed, #"{"uuid":"\#(ticket)"}"#) }
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "31")

        let all = ["--partner", "lenswerk", "--mode", "state", "--rate", "15"]
        let plan = try await service.run(["replay", "plan"] + all)
        #expect(plan.errors.contains("the state of 30 tickets, at 15 a second in 2 s or more"), "\(plan.errors)")
        let unsaid = try await service.run("replay", "start", "--partner", "lenswerk")
        #expect(unsaid.status == 64 && unsaid.errors.contains("--reason TEXT says why"))
        let before = partner.requests.count
        let start = try await service.run(["replay", "start"] + all + ["--reason", "they lost it", "--json"])
        let id = "\(try #require((try start.json as? [String: Any])?["replay"] as? Int))"
        await partner.waitForRequests(before + 3)
        let paused = try await service.command("replay", "pause", id, "--reason", "they are busy")
        #expect(paused.output.hasPrefix("Replay \(id) is paused, recorded at position "))
        let job = try #require(try await service.command("replay", "show", id, "--json").json as? [String: Any])
        #expect(job["state"] as? String == "paused" && job["items"] as? Int == 30 && job["rate"] as? Int == 15)
        try await service.killHard()
        try await service.start()
        // What was under way ends, or is tried again; nothing new begins.
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'claimed'", is: "0")
        let held = partner.requests.count
        let listed = try await service.command("delivery", "list", "--json").objects
        #expect(!listed.isEmpty && listed.allSatisfy { $0["held"] as? String == "replay paused" })
        let repeated = try await service.run("replay", "pause", id)
        #expect(repeated.status == 1 && repeated.errors.contains("replay \(id) is paused already"))
        #expect(partner.requests.count == held)
        try await service.command("replay", "resume", id)
        let watched = try await service.command("replay", "watch", id)
        #expect(watched.output.contains("State         finished at ") && watched.output.contains("30 delivered"))
        #expect(watched.errors.isEmpty, "there is no bar without a terminal")
        let sent = partner.requests.dropFirst(before).map { String($0.target.split(separator: "/").last ?? "") }
        #expect(Set(sent) == Set(tickets))
        let unknown = try await service.sql("SELECT count(*) FROM audit.attempt WHERE outcome = 'unknown'")
        #expect(sent.count - 30 <= Int(unknown) ?? 0)
        let history = try await service.command("history", "--type", "replay", "--json").objects
        #expect(
            history.map { $0["type"] as? String } == [
                "replay.requested", "replay.paused", "replay.resumed", "replay.finished",
            ]
        )
        #expect(history[1]["reason"] as? String == "they are busy")
    }

    @Test func `a cancelled replay ends, and what waited behind it goes`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "2")
        try await service.command("partner", "pause", "lenswerk")
        let start = try await service.command("replay", "\(agreed.uuid)/t1", "--reason", "a mistake", "--json")
        let id = "\(try #require((try start.json as? [String: Any])?["replay"] as? Int))"
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved"}"#)
        let cancelled = try await service.command("replay", "cancel", id, "--reason", "too early")
        #expect(cancelled.output.hasPrefix("Replay \(id) is cancelled, recorded at position "))
        let table = try await service.command("replay", "list")
        expectColumns(table.output, ["REPLAY", "REQUESTED AT", "STATE", "MODE", "PARTNER", "ITEMS", "DELIVERED"])
        #expect(table.output.contains("cancelled") && table.output.contains("a mistake"))
        try await service.command("partner", "resume", "lenswerk")
        await partner.waitForRequests(3)
        #expect(partner.received.suffix(1) == ["PUT t1"])
        let watched = try await service.run("replay", "watch", id, "--json")
        let job = try #require(try watched.json as? [String: Any])
        #expect(watched.status == 1 && job["cancelled"] as? Int == 1 && job["delivered"] as? Int == 0)
        let wrong: [(words: [String], status: Int32)] = [
            (["show", "99999"], 66), (["pause", "x"], 64), (["resume", id], 1),
        ]
        for (words, status) in wrong {
            let run = try await service.run(["replay"] + words)
            #expect(run.status == status, "\(words): \(run.errors)")
        }
    }

    @Test func `a replay goes to a sandbox that the operator names, and what cannot be meant is refused`() async throws
    {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "2")
        let sandbox = try FakePartner()
        let wrong: [(options: [String], status: Int32, error: String)] = [
            (["--destination", "nowhere"], 64, "--destination takes partner, desk or a base URL"),
            (["--destination", sandbox.url], 64, "--allow-http allows it"),
            (["--allow-private-address"], 64, "are for a sandbox"),
            (["--destination", "desk"], 1, "no URL of our desk is known"),
            (["--type", "ticket.renamed"], 64, "ticket.renamed"),
            (["--type", "ticket,"], 64, "--type takes ticket, agreement, or some of"),
            (["--direction", "up"], 64, "--direction takes in, out or both"),
            (["--unacknowledged", "--since-last-success"], 64, "give one of them"),
            (["--unacknowledged", "--destination", "https://sandbox.example"], 64, "what a sandbox has acknowledged"),
            (["--unacknowledged"], 1, "nothing of what is selected can be sent again"),
            (["--type", "ticket.unshared"], 1, "nothing of what is selected can be sent again"),
        ]
        for (options, status, error) in wrong {
            let run = try await service.run(["replay", "--agreement", agreed.uuid, "--reason", "x"] + options)
            #expect(run.status == status && run.errors.contains(error), "\(options): \(run.status) \(run.errors)")
        }
        let allowed = ["--destination", sandbox.url, "--allow-http", "--allow-private-address", "--type", "ticket"]
        let start = try await service.run(["replay", "--agreement", agreed.uuid] + ["--reason", "to see"] + allowed)
        #expect(start.status == 0 && start.errors.contains("To \(sandbox.url) instead of lenswerk: 1 message"))
        await sandbox.waitForRequests(1)
        #expect(sandbox.received == ["POST t1"] && partner.requests.count == 2)
        let token = sandbox.requests[0].headers.first("X-Ticket-Sharing-Token")
        #expect(token == "\(agreed.uuid):[secret]")
        try await service.eventually(
            "SELECT destination || ' ' || state FROM audit.delivery WHERE replay IS NOT NULL",
            is: "sandbox delivered"
        )
        let jobs = try await service.command("replay", "list", "--json").objects
        #expect(jobs.map { $0["destination"] as? String } == ["sandbox"])
        #expect(jobs.map { $0["url"] as? String } == [sandbox.url])
        let checked = try await service.run("doctor", "--all")
        #expect(checked.status == 0, "\(checked.output)")
    }
}
