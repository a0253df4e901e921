import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// Who may do what: tokens that are missing, malformed or wrong, and agreements that do not allow it.
    @Suite struct TokenTests {
        private let methods = ["GET", "POST", "PUT", "DELETE"]

        private func body(_ method: String, _ uuid: String) -> [UInt8]? {
            ["POST", "PUT"].contains(method) ? Array(#"{"uuid":"\#(uuid)","status":"hold"}"#.utf8) : nil
        }

        @Test func `without a token nothing is told, and a challenge is made`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("no-token", tickets: ["no-token-1"])
            let requests =
                methods.flatMap { [($0, "/tickets/no-token-1"), ($0, "/tickets/unknown")] }
                + ["GET", "PUT"].flatMap { [($0, "/agreements/no-token"), ($0, "/agreements/unknown")] }
            for door in Door.allCases {
                for (method, path) in requests {
                    for fields in [[], ["X-Ticket-Sharing-Token:"], ["X-Ticket-Sharing-Token: \t "]] {
                        let body = body(method, "no-token-1")
                        let answer = try await service.ask(door, method, path, token: nil, fields: fields, body: body)
                        answer.expect(401, .tokenMissing, "\(door) \(method) \(path)")
                        #expect(answer.header("WWW-Authenticate") == "X-Ticket-Sharing")
                    }
                }
            }
        }

        @Test func `a wrong token and a right one in the wrong place get one and the same answer`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("wrong-token", tickets: ["wrong-token-1"])
            try await service.makeAgreement("right-token", with: "other")
            let key = TestService.key
            let right = TestService.token("wrong-token")
            let tokens =
                [
                    "wrong-token", ":", "wrong-token:", ":\(key)", "wrong-token \(key)", "wrong token:\(key)",
                    "\(right) x", "Bearer \(key)", "wrong-token:ké", "..:\(key)", "a/../wrong-token:\(key)",
                    "\(String(repeating: "a", count: 300)):\(key)", "wrong-token:\(String(repeating: "k", count: 256))",
                    "wrong-token:' OR '1'='1", "wrong-token;\(key)", "wrong-token%3A\(key)",
                    "\(right)\r\nX-Ticket-Sharing-Token: \(right)",
                ]
                + [
                    String(right.dropLast()), "\(right)0", "\(right.dropLast())0", "wrong-token:0\(key.dropFirst())",
                    "wrong-token:\(key.uppercased())", "wrong-token::\(key)", "wrong-token:\(right)",
                    "Wrong-Token:\(key)", "wrong-token:[secret]", "unknown:\(key)", TestService.token("right-token"),
                ]
            var bodies: Set<String> = []
            for door in Door.allCases {
                for token in tokens {
                    for (method, path, uuid) in [
                        ("PUT", "/tickets/", "wrong-token-1"), ("GET", "/tickets/", "wrong-token-1"),
                        ("DELETE", "/tickets/", "wrong-token-1"), ("PUT", "/agreements/", "wrong-token"),
                        ("GET", "/agreements/", "wrong-token"),
                    ] {
                        let body = body(method, uuid)
                        let answer = try await service.ask(door, method, path + uuid, token: token, body: body)
                        answer.expect(403, .notAuthorized, "\(door) \(token) \(method) \(uuid)")
                        #expect(answer.header("WWW-Authenticate") == nil)
                        bodies.insert(answer.body)
                    }
                }
            }
            #expect(bodies.count == 1)
            let taken = "SELECT DISTINCT type FROM audit.message WHERE agreement = 'wrong-token' AND ticket IS NOT NULL"
            #expect(try await service.sql(taken) == "ticket.shared")
        }

        @Test func `what is not shared is unknown, and so is an orphan until it is shared again`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("orphans", tickets: ["orphan"])
            let token = TestService.token("orphans")
            try await service.ask(.partner, "DELETE", "/tickets/orphan", token: token).expectTaken(200)
            for door in Door.allCases {
                for (method, ticket) in ["GET", "PUT", "DELETE"].flatMap({ [($0, "unknown"), ($0, "orphan")] }) {
                    // A DELETE that repeats the last one gets its answer again.
                    guard method != "DELETE" || ticket == "unknown" || door == .desk else { continue }
                    let body = body(method, ticket)
                    let answer = try await service.ask(door, method, "/tickets/\(ticket)", token: token, body: body)
                    answer.expect(404, .unknownResource, "\(door) \(method) \(ticket)")
                }
            }
            let again = try await service.ask(
                .partner,
                "POST",
                "/tickets/orphan",
                token: token,
                #"{"uuid":"orphan","status":"new"}"#,
            )
            again.expectTaken(201)
            let update = try await service.ask(.desk, "PUT", "/tickets/orphan", token: token, #"{"status":"hold"}"#)
            update.expectTaken(200)
            let share = try await service.ask(.desk, "POST", "/tickets/other", token: token, #"{"uuid":"other"}"#)
            share.expect(403, .notPermitted, "the receiver does not share under the sender's agreement")
        }

        @Test func `under an agreement that is not accepted no ticket passes`() async throws {
            let service = try TestService.shared
            let steps = ["pending": [], "declined": ["declined"], "inactive": ["accepted", "inactive"]]
            for (status, steps) in steps {
                let agreement = "is-\(status)"
                let token = TestService.token(agreement)
                let ticket = "under-\(status)"
                try await service.makeAgreement(agreement, tickets: [ticket], thenPut: steps)
                for door in Door.allCases {
                    for method in methods {
                        let body = body(method, ticket)
                        let answer = try await service.ask(door, method, "/tickets/\(ticket)", token: token, body: body)
                        answer.expect(403, .agreementNotAccepted, "\(door) \(method) \(agreement)")
                        #expect(answer.fault?.detail == "the agreement is \(status)")
                    }
                    try await service.ask(door, "GET", "/agreements/\(agreement)", token: token).expectTaken(200)
                }
                // The sender does not accept for us, nor resume what we suspended; declined is final.
                let code: ProtocolFault.Code = status == "declined" ? .statusConflict : .notPermitted
                let resume = #"{"status":"accepted"}"#
                let answer = try await service.ask(.partner, "PUT", "/agreements/\(agreement)", token: token, resume)
                answer.expect(status == "declined" ? 422 : 403, code, agreement)
            }
        }
    }
}
