import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// Bodies that cannot be processed, at both listeners: each is refused, and nothing comes of it.
    @Suite struct BadBodyTests {
        @Test func `what is wrong in a ticket is refused`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("bad-tickets", tickets: ["x1"])
            let token = TestService.token("bad-tickets")
            for door in Door.allCases {
                for body in BadBody.malformed + BadBody.ofTicket {
                    let answer = try await service.ask(door, "PUT", "/tickets/x1", token: token, body: body.bytes)
                    answer.expect(422, body.code, "\(door) \(body.name.prefix(200))")
                }
                for excess in [1, 6 * 1024 * 1024] {
                    let body = BadBody.large(2 * 1024 * 1024 + excess)
                    let answer = try await service.ask(door, "PUT", "/tickets/x1", token: token, body: body)
                    answer.expect(422, .overLimit, "\(door) \(body.count) bytes")
                }
            }
            for (ticket, body, code) in [
                ("x9", #"{"subject":"Lens"}"#, ProtocolFault.Code.missingMember),
                ("x9", #"{"uuid":null}"#, .missingMember), ("x1", #"{"uuid":"x1"}"#, .alreadyExists),
            ] {
                let answer = try await service.ask(.partner, "POST", "/tickets/\(ticket)", token: token, body)
                answer.expect(422, code, body)
            }
            let held = try await service.command("reconstruct", "bad-tickets/x1", "--json").output
            #expect(held == "{\"uuid\":\"x1\",\"status\":\"open\",\"comments\":[]}\n")
        }

        @Test func `what is wrong in an agreement is refused`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("x1")
            let token = TestService.token("x1")
            for door in Door.allCases {
                for body in BadBody.malformed + BadBody.ofAgreement {
                    let answer = try await service.ask(door, "PUT", "/agreements/x1", token: token, body: body.bytes)
                    answer.expect(422, body.code, "\(door) \(body.name.prefix(200))")
                }
            }
            let agreement = try await service.command("agreement", "show", "x1", "--json").object
            #expect(agreement["status"] as? String == "accepted")
            #expect(agreement["name"] as? String == "Lenswerk")
        }

        @Test func `what is just within the limits is taken`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("limits", tickets: ["x2"])
            for (name, body) in [
                ("depth 64", Array(BadBody.nested(63).replacing("x1", with: "x2").utf8)),
                ("1,000 comments", Array(BadBody.comments(1_000).utf8)),
                ("a subject", Array(#"{"subject":"\#(String(repeating: "s", count: 16_384))"}"#.utf8)),
                ("white space", Array(" \r\n\t{ } \n".utf8)), ("2 MiB", BadBody.large(2 * 1024 * 1024)),
            ] {
                let token = TestService.token("limits")
                let answer = try await service.ask(.partner, "PUT", "/tickets/x2", token: token, body: body)
                answer.expectTaken(200, name)
            }
            let longest = "SELECT max(length(body::text)) > 2000000 FROM audit.message WHERE agreement = 'limits'"
            #expect(try await service.sql(longest) == "t")
        }
    }
}

/// In a service of its own, as all refusals of a minute share one bound.
@Suite(.fewAtATime, .timeLimit(.minutes(15))) struct RefusalTests {
    @Test func `refusals are events up to a bound, and are counted beyond it`() async throws {
        let service = try await TestService.started()
        try await service.agree()
        let count = 150
        for number in 0..<count {
            let token = number.isMultiple(of: 2) ? nil : TestService.token()
            let door = number.isMultiple(of: 3) ? Door.desk : .partner
            let answer = try await service.ask(door, "PUT", "/tickets/x1", token: token, "{")
            #expect(answer.status == (token == nil ? 401 : 422))
        }
        // What was only counted is written down at the end at the latest.
        try await service.stop()
        let rows = try await service.sql(
            """
            SELECT count(*) FILTER (WHERE error IS NOT NULL), sum(count), count(DISTINCT date_trunc('minute', recorded_at))
            FROM audit.message
            WHERE type = 'message.refused'
            """
        )
        let numbers = rows.split(separator: "|").compactMap { Int($0) }
        try #require(numbers.count == 3)
        #expect(numbers[0] >= 60 && numbers[0] <= 60 * numbers[2], "\(rows)")
        #expect(numbers[1] == count, "\(rows)")
        let kept = "SELECT DISTINCT agreement IS NULL, status FROM audit.message WHERE error IS NOT NULL ORDER BY 1"
        #expect(try await service.sql(kept) == "f|422\nt|401")
    }
}
