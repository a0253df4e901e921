import Linux
import TestPeers
import Testing
import TicketSharing

/// Strangers who do again and again what they may, and partners what they may not.
@Suite(.fewAtATime, .timeLimit(.minutes(15)))
struct StrangerFloodTests {
    private let options = ["--stranger-messages-per-address", "6", "--trusted-proxy", "127.0.0.1"]

    private func invitation(_ uuid: String, to service: TestService) -> String {
        """
        {"uuid":"\(uuid)","status":"pending","access_key":"\(TestService.key)",\
        "sender_url":"https://\(uuid).example/sharing","receiver_url":"\(service.publicURL)"}
        """
    }

    private func ask(
        _ method: String,
        _ uuid: String,
        from source: String,
        _ service: TestService,
        _ body: String? = nil,
    ) async throws -> RawClient.Answer {
        try await service.fromPartner(
            method,
            "/agreements/\(uuid)",
            token: TestService.token(uuid),
            fields: ["X-Forwarded-For: \(source)"],
            body,
        )
    }

    @Test func `one address fills nothing, also across a restart, and others still come through`() async throws {
        let service = try await TestService.started(options)
        let first = invitation("s1", to: service)
        try await ask("POST", "s1", from: "192.0.2.1", service, first).expectTaken(201)
        try await ask("POST", "s1", from: "192.0.2.1", service, first).expectTaken(201)
        for number in 0..<2 {
            let body = #"{"name":"\#(number)"}"#
            try await ask("PUT", "s1", from: "192.0.2.1", service, body).expectTaken(200)
            try await ask("GET", "s1", from: "192.0.2.1", service).expectTaken(200)
        }
        let count = try await service.sql("SELECT count(*) FROM audit.message")
        for restarted in [false, true] {
            if restarted {
                #expect(try await service.stop() == .code(0))
                try await service.start()
            }
            for (method, body) in [("PUT", #"{"name":"x"}"#), ("GET", nil), ("POST", invitation("s2", to: service))] {
                let answer = try await ask(method, method == "POST" ? "s2" : "s1", from: "192.0.2.1", service, body)
                #expect(answer.status == 503 && answer.fault?.code == .tooManyRequests, "\(method) \(answer.body)")
                #expect(answer.fault?.detail.contains("try again after midnight UTC") == true)
                #expect((1...86_400).contains(answer.header("Retry-After").flatMap { Int($0) } ?? 0))
                #expect(answer.position == nil)
            }
        }
        #expect(try await service.sql("SELECT count(*) FROM audit.message") == count)
        try await ask("POST", "s3", from: "192.0.2.2", service, invitation("s3", to: service)).expectTaken(201)
        // Once somebody has accepted, nothing of it is a stranger's any more.
        try await service.command("agreement", "accept", "s1", "--partner-name", "s1")
        try await ask("GET", "s1", from: "192.0.2.1", service).expectTaken(200)
        #expect(try await service.stop() == .code(0))
        let said = try service.log.split(separator: "\n").filter { $0.contains("strangers have used up") }
        #expect(said.count == 2 && said.allSatisfy { $0.contains("192.0.2.1") && $0.contains(#""3""#) }, "\(said)")
    }

    @Test func `long bodies of a partner's refused messages are kept whole within bounds, also across a restart`()
        async throws
    {
        let service = try await TestService.started(["--refused-bytes", "40000"])
        try await service.agree()
        let body = #"{"uuid":"t1","note":"\#(String(repeating: "x", count: 9000))"}"#
        for restarted in [false, false, true] {
            if restarted {
                #expect(try await service.stop() == .code(0))
                try await service.start()
            }
            let answer = try await service.fromPartner("PUT", "/tickets/t1", token: TestService.token(), body)
            answer.expect(404, .unknownResource)
        }
        let lengths = "SELECT body_length FROM audit.message WHERE type = 'message.refused' ORDER BY position"
        #expect(try await service.sql(lengths) == "\(body.utf8.count)\n4096\n4096")
        #expect(try await service.stop() == .code(0))
    }
}
