import Foundation
import HTTPServer
import TestPeers
import Testing

/// `replay` in both modes, with the partner as its witness.
@Suite(.fewAtATime) struct ReplayCommandTests {
    @Test func `a plan records nothing, and a replay sends the same bytes again with its reason on record`()
        async throws
    {
        let service = try await TestService.started()
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 200) }
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{ "uuid":"t1", "subject":"\u00dcber", "status":"open" }"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"pending","comments":[{"uuid":"c1","body":"One"}]}"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "4")
        let original = Array(partner.requests.dropFirst())
        try await service.desk("POST", "t2", agreed, #"{"uuid":"t2"}"#)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "5")
        let share = "\(agreed.uuid.prefix(6))/t1"
        let before = try await service.command("history", "--json").output

        let plan = try await service.command("replay", share, "--dry-run")
        expectColumns(plan.output, ["AGREEMENT", "TICKET", "MESSAGES", "FIRST", "LAST", "ACKNOWLEDGED"])
        #expect(plan.errors.contains("To lenswerk: 3 messages from position "), "\(plan.errors)")
        #expect(plan.errors.contains("3 of them acknowledged before"))
        let planned = try #require(
            try await service.command("replay", share, "--dry-run", "--json").json as? [String: Any]
        )
        #expect(planned["messages"] as? Int == 3 && planned["refused"] as? Bool == false && planned["replay"] is NSNull)
        let positions = try #require((planned["shares"] as? [[String: Any]])?.first?["positions"] as? [Int])
        #expect(positions.count == 3)
        let short = try await service.run("replay", share, "--to", "\(positions[2])", "--reason", "too short")
        #expect(
            short.status == 1 && short.errors.contains("refused: ") && short.errors.contains("'--then-state'"),
            "\(short.errors)"
        )
        let empty = try await service.run("replay", share, "--from", "4711", "--dry-run")
        #expect(
            empty.status == 1 && empty.errors.contains("nothing of what is selected can be sent again"),
            "\(empty.errors)"
        )
        let unknown = try await service.run("replay", "--partner", "nobody", "--dry-run")
        #expect(unknown.status == 66 && unknown.errors.contains("nobody"), "\(unknown.errors)")
        #expect(try await service.command("history", "--json").output == before, "a plan leaves no trace")

        let run = try await service.command("replay", share, "--reason", "they restored a backup", "--json")
        let replay = try #require((try run.json as? [String: Any])?["replay"] as? Int)
        await partner.waitForRequests(8)
        let again = Array(partner.requests.dropFirst(5))
        #expect(again.map(\.method) == ["POST", "PUT", "PUT"] && again.map(\.body) == original.map(\.body))
        #expect(again.map(\.target) == original.map(\.target))
        #expect(again.allSatisfy { $0.headers.first("ShareLedger-Replay-Of") != nil })
        let event = try await service.command("event", "show", "\(replay)").output
        #expect(event.contains("reason: they restored a backup\n") && event.contains("operator: "), "\(event)")
        try await service.eventually("the replay is finished") {
            try await !service.command("history", "--type", "replay.finished", "--json").objects.isEmpty
        }
        #expect(
            try await service.sql(
                "SELECT count(*) FROM audit.delivery WHERE replay = \(replay) AND state = 'delivered'"
            ) == "3"
        )
        let history = try await service.command("history", share, "--type", "replay", "--json").objects
        #expect(history.map { $0["type"] as? String } == ["replay.requested", "replay.finished"])
        #expect(history.first?["position"] as? Int == replay)
        let partners = try await service.command("history", "--partner", "lenswerk", "--json").objects
        #expect(
            partners.compactMap { $0["type"] as? String }.filter { $0.hasPrefix("replay") } == [
                "replay.requested", "replay.finished",
            ]
        )
        #expect(history.first?["reason"] as? String == "they restored a backup")
        #expect(try await service.command("history", share).output.contains("ticket.shared"))
        let other = try await service.command("history", "\(agreed.uuid)/t2", "--json").objects
        #expect(!other.isEmpty && !other.contains { ($0["type"] as? String)?.hasPrefix("replay") == true })
    }

    @Test func `a partner that lost everything gets the ticket as it stands, asked for while the service is stopped`()
        async throws
    {
        let service = try await TestService.started()
        let partner = try FakePartner { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 200) }
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1","subject":"Autofocus hunts","status":"open"}"#)
        try await service.desk("PUT", "t1", agreed, #"{"status":"solved","comments":[{"uuid":"c1","body":"One"}]}"#)
        let theirs = #"{"comments":[{"uuid":"c2","body":"Two","public":false}]}"#
        #expect(try await service.fromPartner("PUT", "/tickets/t1", token: agreed.token, theirs).status == 200)
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "3")
        try await service.stop()
        partner.setScript { _, request in HTTPResponse(status: request.method == "POST" ? 201 : 404) }
        let run = try await service.command(
            "replay",
            "--partner",
            "lenswerk",
            "--mode",
            "state",
            "--reason",
            "they lost it"
        )
        #expect(run.errors.contains("the state of 1 ticket"), "\(run.errors)")
        #expect(run.errors.contains("is recorded, 1 delivery that 'shareledger serve' makes"))
        try await service.start()
        await partner.waitForRequests(5)
        #expect(partner.received.suffix(2) == ["PUT t1", "POST t1"], "where it is not known it is shared anew")
        let body = String(decoding: try #require(partner.requests.last).body, as: UTF8.self)
        for said in [#""subject":"Autofocus hunts""#, #""status":"solved""#, #""uuid":"c1""#, #""uuid":"c2""#] {
            #expect(body.contains(said), "\(body)")
        }
        let paused = try await service.run("partner", "pause", "lenswerk")
        #expect(paused.status == 0)
        let warned = try await service.command("replay", "--agreement", agreed.uuid, "--dry-run")
        #expect(
            warned.errors.contains(
                "warning: partner lenswerk is paused; nothing is sent before 'shareledger partner resume"
            )
        )
    }
}
