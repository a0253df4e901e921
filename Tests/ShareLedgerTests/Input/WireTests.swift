import Foundation
import HTTPServer
import TestPeers
import TestRequests
import Testing
import TicketSharing

/// What real clients put on the wire, sent over sockets byte for byte but for the host and what depends on it.
@Suite(.fewAtATime, .timeLimit(.minutes(15))) struct WireTests {
    @Test func `a partner's requests get the answers that its software expects`() async throws {
        let service = try await TestService.started()
        for client in WireClient.allCases { try await receive(from: client, service) }
        try await service.expectSound(secrets: WireClient.allCases.map(\.key))
    }

    private func receive(from client: WireClient, _ service: TestService) async throws {
        try await service.command("partner", "add", client.rawValue, "--url", client.base)
        // Nothing may go to a host of the fixtures.
        try await service.command("partner", "pause", client.rawValue)
        let requests = try WireFixture.all(of: client.rawValue)
        func send(_ number: Int) async throws -> RawClient.Answer {
            try #require(try await service.exchange(requests[number].bytes(to: service, by: .partner), at: .partner))
        }

        let invited = try await send(0)
        invited.expectTaken(201)
        let repeated = try await send(0)
        #expect(repeated.status == 201 && repeated.position == invited.position)
        switch client {
        case .gem: try await send(1).expect(403, .notPermitted, "a sender does not accept its own invitation")
        case .rt: try await expectAgreement(send(1), client, "pending")
        }
        try await send(2).expect(403, .agreementNotAccepted)
        try await service.command("agreement", "accept", client.agreement)
        try await send(2).expectTaken(201)
        try await send(3).expectTaken(200)

        let share = "\(client.agreement)/\(client.ticket)"
        let expected = try WireTicket(shared: requests[2].body, updated: requests[3].body).canonical
        let held = try await service.command("reconstruct", share, "--json")
        #expect(try WireTicket.canonical(held.output) == expected)
        let last = try await send(4)
        last.expectTaken(200)
        if client == .rt { #expect(try WireTicket.canonical(last.body) == expected) }
        try await send(5).expectTaken(200)

        let orphan = try await service.command("reconstruct", share, "--json")
        #expect(try WireTicket.canonical(orphan.output) == expected)
        let agreement = try await service.command("agreement", "show", client.agreement, "--json").object
        #expect(agreement["status"] as? String == "inactive")
        #expect(agreement["deactivated_by"] as? String == "sender")
        #expect(agreement["name"] as? String == (client == .gem ? "MondoCam" : "Lenswerk GmbH"))
    }

    @Test func `our desk's requests reach a partner with its view of the URLs`() async throws {
        let service = try await TestService.started()
        for client in WireClient.allCases { try await send(as: client, service) }
        try await service.expectSound(secrets: WireClient.allCases.map(\.key))
    }

    private func send(as client: WireClient, _ service: TestService) async throws {
        let partner = try FakePartner()
        let dialect = client == .gem ? "zendesk" : "rt"
        try await service.command(
            "partner",
            "add",
            client.rawValue,
            "--url",
            partner.url,
            "--dialect",
            dialect,
            "--allow-http",
            "--allow-private-address",
        )
        let requests = try WireFixture.all(of: client.rawValue)
        func send(_ number: Int) async throws -> RawClient.Answer {
            try #require(try await service.exchange(requests[number].bytes(to: service, by: .desk), at: .desk))
        }

        try await send(0).expectTaken(201)
        if client == .rt { try await expectAgreement(send(1), client, "pending") }
        await partner.waitForRequests(1)
        // What the gem has for an acceptance comes from the receiver.
        let acceptance =
            client == .gem
            ? try WireFixture("gem/01").body : Array(#"{"uuid":"\#(client.agreement)","status":"accepted"}"#.utf8)
        let accepted = try await service.ask(
            .partner,
            "PUT",
            "/agreements/\(client.agreement)",
            token: client.token,
            body: acceptance,
        )
        accepted.expectTaken(200)
        try await send(2).expectTaken(201)
        try await send(3).expectTaken(200)
        let last = try await send(4)
        last.expectTaken(200)
        if client == .rt {
            let expected = try WireTicket(shared: requests[2].body, updated: requests[3].body).canonical
            #expect(try WireTicket.canonical(last.body) == expected)
            #expect(["delivered", "waiting"].contains(last.header("ShareLedger-Delivery")))
        }
        try await send(5).expectTaken(200)

        let sent = client == .gem ? [0, 2, 3, 4, 5] : [0, 2, 3, 5]
        await partner.waitForRequests(sent.count)
        #expect(partner.received == sent.map { requests[$0].nameOnTheWire })
        for (request, number) in zip(partner.requests, sent) {
            #expect(client.hasDialect(request, of: number), "\(request.headers.map { ($0.name, $0.value) })")
            var body = String(decoding: requests[number].body, as: UTF8.self)
            if number == 0 {
                body = body.replacing("\"\(client.base)\"", with: "\"\(service.publicURL)\"")
                    .replacing("\"http://127.0.0.1:\(client.port)/sharing\"", with: "\"\(partner.url)\"")
            }
            #expect(String(decoding: request.body, as: UTF8.self) == body)
        }
        await partner.stop()
    }

    private func expectAgreement(_ answer: RawClient.Answer, _ client: WireClient, _ status: String) throws {
        answer.expectTaken(200)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any])
        #expect(object["uuid"] as? String == client.agreement)
        #expect(object["status"] as? String == status)
        #expect(object["access_key"] == nil)
    }
}
