import TestSupport
import Foundation
import TestPeers
import Testing

/// Nothing is taken while PostgreSQL would not keep what it says it has committed.
@Suite(.fewAtATime) struct DurabilityTests {
    @Test func `switched off while the service runs it refuses, loudly, and takes messages again afterwards`()
        async throws
    {
        let service = try await TestService.started()
        try await service.agree()
        for setting in ["fsync", "synchronous_commit"] {
            try await switchOffAndOn(setting, service)
        }
    }

    private func switchOffAndOn(_ setting: String, _ service: TestService) async throws {
        let body = #"{"uuid":"\#(setting)","status":"open"}"#
        let before = try await service.command("history", "--type", "ticket", "--json").output
        try await service.administer("ALTER SYSTEM SET \(setting) = off;\nSELECT pg_reload_conf();")
        try await service.eventually("it is noticed") {
            try await service.ask("GET", "/readyz", at: service.privatePort)?.status == 503
        }
        let ready = try #require(try await service.ask("GET", "/readyz", at: service.privatePort))
        #expect(ready.body == "not ready: \(setting) off: a commit may be lost; switch it on again\n")
        let refused = try await service.fromPartner("POST", "/tickets/\(setting)", token: TestService.token(), body)
        #expect(refused.status == 503 && refused.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
        let desk = try await service.fromDesk(
            "PUT",
            "/lenswerk/agreements/a1",
            token: TestService.token(),
            #"{"status":"inactive"}"#
        )
        #expect(desk.status == 503 && desk.header("Retry-After") != nil)
        #expect(try service.log.contains("no messages are accepted"))
        #expect(try await service.ask("GET", "/healthz", at: service.privatePort)?.status == 200)
        let doctor = try await service.run("doctor")
        #expect(
            doctor.status == 1 && doctor.output.contains("FAIL  durability      \(setting) off: "),
            "\(doctor.output)"
        )
        #expect(try await service.command("history", "--type", "ticket", "--json").output == before)

        try await service.administer("ALTER SYSTEM RESET \(setting);\nSELECT pg_reload_conf();")
        try await service.waitUntilReady()
        #expect(try service.log.contains("messages are accepted again"))
        let taken = try await service.fromPartner("POST", "/tickets/\(setting)", token: TestService.token(), body)
        #expect(taken.status == 201)
    }

    @Test func `switched off in the settings file it starts, refuses, and commands record nothing either`() async throws
    {
        let service = try TestService()
        try await service.command("init")
        let settings = "\(service.data)/postgresql.conf"
        try Data("full_page_writes = off\n".utf8).write(to: URL(filePath: settings))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: settings)
        try await service.launch()
        try await service.eventually("it listens") {
            try await service.ask("GET", "/healthz", at: service.privatePort) != nil
        }
        let ready = try #require(try await service.ask("GET", "/readyz", at: service.privatePort))
        #expect(
            ready.status == 503 && ready.header("Retry-After") != nil && ready.body.contains("full_page_writes off")
        )
        let invitation =
            #"{"uuid":"a1","status":"pending","access_key":"x","sender_url":"https://x.example","receiver_url":"\#(service.publicURL)"}"#
        let refused = try await service.fromPartner("POST", "/agreements/a1", invitation)
        #expect(refused.status == 503 && refused.header("Retry-After") != nil)
        let log = try service.log
        #expect(log.contains("no messages are accepted") && log.contains("full_page_writes off"))
        try await service.stop()
        try FileManager.default.removeItem(atPath: settings)
        try await service.start()
        #expect(try await service.fromPartner("POST", "/agreements/a1", invitation).status == 201)
    }
}
