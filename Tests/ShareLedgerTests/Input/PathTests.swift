import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// Methods, paths, versions and types of content that the protocol has not.
    @Suite struct PathTests {
        @Test func `a method that a resource has not is refused with those that it has`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("methods", tickets: ["method-1"])
            let token = TestService.token("methods")
            for door in Door.allCases {
                for method in ["PATCH", "OPTIONS", "TRACE", "get", "Post", "PROPFIND", "X-%"] {
                    let ticket = try await service.ask(door, method, "/tickets/method-1", token: token)
                    ticket.expect(405, .methodNotAllowed, "\(door) \(method)")
                    #expect(ticket.header("Allow") == "GET, POST, PUT, DELETE")
                    let agreement = try await service.ask(door, method, "/agreements/methods", token: token)
                    agreement.expect(405, .methodNotAllowed, "\(door) \(method)")
                    #expect(agreement.header("Allow") == "GET, POST, PUT")
                }
                let deleted = try await service.ask(door, "DELETE", "/agreements/methods", token: token)
                deleted.expect(405, .methodNotAllowed, "\(door)")
                let client = try RawClient(port: service.port(of: door))
                let line = "HEAD \(door.target("/tickets/method-1")) HTTP/1.1\r\nHost: localhost\r\n"
                await client.send("\(line)X-Ticket-Sharing-Token: \(token)\r\n\r\n")
                #expect(await client.receive(toHead: true)?.status == 405)
            }
        }

        @Test func `a path that the protocol has not is unknown, with any token and without`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("paths", tickets: ["path-1"])
            for path in [
                "", "/", "/tickets", "/ticket/path-1", "/Tickets/path-1", "/tickets/path-1/",
                "/tickets/path-1/comments",
                "/tickets/a/b", "/tickets//path-1", "//tickets/path-1", "/./tickets/path-1", "/x/../tickets/path-1",
                "/%74ickets/path-1", "/tickets%2Fpath-1", "/agreements", "/agreements/paths/tickets/path-1",
                "x/tickets/path-1", "/comments/c1", "/tickets/../agreements/paths",
            ] {
                for door in Door.allCases {
                    for token in [TestService.token("paths"), "paths:wrong", nil] {
                        for method in ["GET", "POST"] {
                            let answer = try await service.ask(door, method, path, token: token)
                            answer.expect(404, .unknownResource, "\(door) \(method) \(path)")
                        }
                    }
                }
            }
        }

        @Test func `a uuid of no form that the protocol has is refused`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("forms", tickets: ["form-1"])
            let token = TestService.token("forms")
            let long = String(repeating: "u", count: 255)
            for door in Door.allCases {
                for uuid in [
                    "", ".", "..", "%2e%2e", "%2E", "a%2Fb", "..%2Fagreements%2Fforms", "a%00b", "a%0D%0AX-Evil:1", "%",
                    "%zz", "a%2", "a%252Fb", "a%20b", "a+b", "a;b", "a:b", "a,b", "a@b", "a'b", "a*b", "$(id)",
                    "%C3%A9", "%FF", long + "u", String(repeating: "u", count: 300),
                    String(repeating: "%75", count: 300),
                ] {
                    for method in ["GET", "PUT", "DELETE"] {
                        let body = method == "PUT" ? Array("{}".utf8) : nil
                        let answer = try await service.ask(door, method, "/tickets/\(uuid)", token: token, body: body)
                        answer.expect(422, .invalidValue, "\(door) \(method) \(uuid)")
                    }
                    let answer = try await service.ask(door, "POST", "/agreements/\(uuid)", token: nil, "{}")
                    answer.expect(422, .invalidValue, "\(door) \(uuid)")
                }
                for uuid in ["...", "~", "-", "_.-~", long] {
                    let answer = try await service.ask(door, "GET", "/tickets/\(uuid)", token: token)
                    answer.expect(404, .unknownResource, "\(door) \(uuid)")
                }
                // RFC 3986 has an escaped letter mean the letter; a query is none of the protocol's.
                for target in ["%66orm%2D1", "form-1?", "form-1?token=\(TestService.key)"] {
                    let answer = try await service.ask(door, "GET", "/tickets/\(target)", token: token)
                    answer.expectTaken(200, "\(door) \(target)")
                }
            }
        }

        @Test func `only version 1 and JSON are spoken`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("versions", tickets: ["version-1"])
            func put(_ door: Door, _ field: String) async throws -> RawClient.Answer {
                let token = TestService.token("versions")
                let body = #"{"status":"open"}"#
                return try await service.ask(door, "PUT", "/tickets/version-1", token: token, fields: [field], body)
            }
            for door in Door.allCases {
                for version in ["2", "0", "1.0", "1.1", "1,1", "01", "one", "-1", "1;q=1"] {
                    let answer = try await put(door, "X-Ticket-Sharing-Version: \(version)")
                    answer.expect(412, .unsupportedVersion, "\(door) \(version)")
                }
                for type in [
                    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json",
                    "text/html", "application/json; charset=iso-8859-1", "application/json, text/plain",
                ] {
                    let answer = try await put(door, "Content-Type: \(type)")
                    answer.expect(422, .unsupportedContentType, "\(door) \(type)")
                }
                for field in [
                    "X-Ticket-Sharing-Version: 1", "x-ticket-sharing-version:1", "X-Ticket-Sharing-Version:",
                    "Content-Type:", "Content-Type: text/x-json; charset=\"UTF-8\"",
                    "content-type: APPLICATION/JSON;CHARSET=utf-8", "Content-Type: application/vnd.sharing+json",
                ] {
                    try await put(door, field).expectTaken(200, "\(door) \(field)")
                }
            }
        }
    }
}
