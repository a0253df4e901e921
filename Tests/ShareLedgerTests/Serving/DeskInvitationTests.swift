import HTTPServer
import Linux
import TestPeers
import Testing

/// What the desk hears of invitations.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct DeskInvitationTests {
    @Test func `nobody speaks to the desk in a partner's name before an operator has accepted`() async throws {
        let desk = try FakePartner { _, _ in HTTPResponse(status: 200) }
        let partner = try FakePartner { _, _ in HTTPResponse(status: 200) }
        let service = try await TestService.started(["--desk-url", desk.url])
        try await service.add(partner)
        for uuid in ["true", "false"] {
            let invitation = """
                {"uuid":"\(uuid)","name":"Lenswerk","status":"pending","access_key":"\(TestService.key)",\
                "sender_url":"\(partner.url)","receiver_url":"\(service.publicURL)"}
                """
            #expect(try await service.fromPartner("POST", "/agreements/\(uuid)", invitation).status == 201)
        }
        let list = try await service.command("agreement", "list").output
        #expect(list.matches(of: #/pending: accept or decline +Lenswerk +127\.0\.0\.1 /#).count == 2, "\(list)")
        let shown = try await service.command("agreement", "show", "false", "--json").object
        #expect(shown["waits_for_operator"] as? Bool == true && shown["invited_from"] as? String == "127.0.0.1")
        #expect(shown["partner"] as? String == "lenswerk" && shown["status"] as? String == "pending")
        #expect(try service.log.matches(of: /an invitation waits for an operator/).count == 2)
        #expect(try await service.sql("SELECT count(*) FROM audit.delivery") == "0")
        let doctor = try await service.run("doctor").output
        #expect(doctor.contains("WARN  partners        2 invitations in the name of active partners wait"), "\(doctor)")

        try await service.command("agreement", "decline", "false")
        try await service.command("agreement", "accept", "true")
        await desk.waitForRequests(1)
        await partner.waitForRequests(2)
        #expect(desk.received == ["POST true"])
        #expect(partner.received.sorted() == ["PUT false", "PUT true"])
        let accepted = try await service.command("agreement", "show", "true", "--json").object
        #expect(accepted["waits_for_operator"] as? Bool == false)
        // What it says from now on is the partner's own.
        let token = TestService.token("true")
        #expect(try await service.fromPartner("POST", "/tickets/t1", token: token, #"{"uuid":"t1"}"#).status == 201)
        await desk.waitForRequests(2)
        #expect(desk.received == ["POST true", "POST t1"])
        #expect(try await service.stop() == .code(0))
    }
}
