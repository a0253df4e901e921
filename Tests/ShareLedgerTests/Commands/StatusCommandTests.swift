import Foundation
import HTTPServer
import Linux
import TestPeers
import Testing

/// `status`, as an outage comes and goes.
@Suite(.fewAtATime) struct StatusCommandTests {
    @Test func `what waits, how partners answer and how far replays are is in one page`() async throws {
        let service = try await TestService.started()
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        for number in 0..<8 { try await service.desk("POST", "t\(number)", agreed, #"{"uuid":"t\#(number)"}"#) }
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'delivered'", is: "9")
        var destination = try await status(of: service)
        #expect(destination["state"] as? String == "up" && destination["partner"] as? String == "lenswerk")
        #expect(destination["waiting"] as? Int == 0 && destination["oldest_enqueued_at"] is NSNull)
        #expect(destination["last_success_at"] is String)
        let hour = try #require(destination["last_hour"] as? [String: Any])
        #expect(hour["succeeded"] as? Int == 9 && hour["failed"] as? Int == 0 && hour["median_ms"] is Int)

        await partner.stop()
        for number in 0..<8 { try await service.desk("PUT", "t\(number)", agreed, #"{"status":"solved"}"#) }
        try await service.eventually("SELECT count(*) FROM audit.delivery WHERE state = 'claimed'", is: "0")
        try await service.eventually("the partner is out") {
            try await status(of: service)["state"] as? String == "out"
        }
        destination = try await status(of: service)
        #expect(destination["waiting"] as? Int == 8 && destination["parked_lanes"] as? Int == 0)
        #expect((destination["reason"] as? String)?.contains("could not connect") == true)
        #expect(destination["since"] is String && destination["next_canary_at"] is String)
        try await service.command("replay", "\(agreed.uuid)/t1", "--mode", "state", "--reason", "a test")
        let page = try await service.command("status")
        #expect(page.errors.isEmpty)
        let tables = page.output.components(separatedBy: "\n\n")
        #expect(tables.count == 2 && tables[0].contains("\nProjections   "))
        #expect(tables[0].contains(" running, 0 of 1 ended"), "\(page.output)")
        #expect(tables[0].contains("\nService       delivers, seen "), "\(page.output)")
        expectColumns(tables[1], ["PARTNER", "STATE", "SINCE", "UNDER WAY", "WAITING", "PARKED", "OLDEST"])
        #expect(tables[1].contains("\nlenswerk  out "))
        let list = try await service.command("partner", "list").output
        #expect(list.contains("\nlenswerk  out "), "\(list)")
        let doctor = try await service.run("doctor")
        #expect(doctor.output.contains("lenswerk: it is out since "), "\(doctor.output)")
        let history = try await service.command("history", "--type", "partner.state_changed", "--json").objects
        #expect(history.map { $0["state"] as? String } == ["out"])

        let back = try FakePartner(port: partner.port)
        try await service.command("partner", "resume", "lenswerk")
        await back.waitForRequests(9)
        try await service.eventually("the partner is up") {
            try await status(of: service)["state"] as? String == "up"
        }
        let repeated = try await service.run("partner", "resume", "lenswerk")
        #expect(repeated.status == 1 && repeated.errors.contains("neither paused nor out"), "\(repeated.errors)")
    }

    @Test func `our own desk that is away, and a service that does not run, are told of`() async throws {
        let away = SilentPort()
        let service = try await TestService.started(["--desk-url", away.url, "--retry-schedule", "1s,1s,1s,1s,1s,1s"])
        let partner = try FakePartner()
        let agreed = try await service.agreement(with: partner)
        try await service.desk("POST", "t1", agreed, #"{"uuid":"t1"}"#)
        let answer = try await service.fromPartner("PUT", "/tickets/t1", token: agreed.token, #"{"status":"open"}"#)
        #expect(answer.status == 200)
        try await service.eventually("our desk is out") {
            try await service.run("doctor").output.contains("our own desk does not answer: could not connect")
        }
        withExtendedLifetime(away) {}
        #expect(try await service.stop() == .code(0))
        let page = try await service.command("status").output
        #expect(page.contains("\nService       nobody delivers: "), "\(page)")
    }

    /// What is said of the one destination that there is.
    private func status(of service: TestService) async throws -> [String: Any] {
        let page = try #require(try await service.command("status", "--json").json as? [String: Any])
        let destinations = try #require(page["destinations"] as? [[String: Any]])
        #expect(destinations.count == 1)
        return destinations[0]
    }
}
