import Foundation
import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// What the two listeners keep apart.
    @Suite struct PrivateListenerTests {
        private func get(_ path: String, _ fields: [String], at door: Door) async throws -> RawClient.Answer {
            let service = try TestService.shared
            let head = ["GET \(path) HTTP/1.1"] + fields
            return try #require(
                try await service.exchange(Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8), at: door)
            )
        }

        @Test func `nothing that administers is reached by partners`() async throws {
            let token = "X-Ticket-Sharing-Token: a1:\(TestService.key)"
            for path in [
                "/api/v1/events", "/metrics", "/to/lenswerk/tickets/t1", "/healthz", "/readyz", "/", "/console", "/*",
            ] {
                for fields in [["Host: x"], ["Host: x", token]] {
                    try await get(path, fields, at: .partner).expect(404, .unknownResource, path)
                }
            }
        }

        @Test func `the bearer token is demanded, whole`() async throws {
            let file = "\(try TestService.shared.data)/token"
            let secret = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .newlines)
            for path in ["/api/v1/events", "/metrics"] {
                for value in [
                    nil, "Bearer x", "Bearer", "Bearer  \(secret)", "Basic \(secret)", secret, "Bearer \(secret)x",
                    "Bearer \(secret.dropLast())", "Bearer \(secret)\r\nAuthorization: Bearer \(secret)",
                ] {
                    let answer = try await get(
                        path,
                        ["Host: localhost"] + (value.map { ["Authorization: \($0)"] } ?? []),
                        at: .desk
                    )
                    #expect(answer.status == 401 && answer.fault != nil, "\(path) \(value ?? "")")
                    #expect(answer.header("WWW-Authenticate") == "Bearer")
                }
                let answer = try await get(path, ["Host: localhost", "Authorization: bearer \(secret)"], at: .desk)
                #expect(answer.status != 401 && answer.status != 403)
            }
            #expect(try await TestService.shared.places(of: secret) == [])
        }

        @Test func `what a page has a browser send is not answered, whatever it asks for`() async throws {
            let service = try TestService.shared
            let invitation = #"{"uuid":"page","sender_url":"https://x.example/s","access_key":"evil0123456789ab"}"#
            for field in ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
                for method in ["GET", "POST", "PUT", "DELETE"] {
                    let head = "\(method) /to/lenswerk/agreements/page HTTP/1.1\r\nHost: 127.0.0.1\r\n\(field)\r\n"
                    let request = head + "Content-Length: \(invitation.utf8.count)\r\n\r\n\(invitation)"
                    let answer = try #require(try await service.exchange(Array(request.utf8), at: .desk))
                    answer.expect(403, .notPermitted, "\(method) \(field)")
                }
                try await get("/readyz", ["Host: localhost", field], at: .desk).expect(403, .notPermitted, field)
            }
            #expect(try await service.sql("SELECT count(*) FROM audit.message WHERE agreement = 'page'") == "0")
        }

        @Test func `a page that rebinds its name is not answered, nor a name that is no partner's`() async throws {
            let service = try TestService.shared
            try await service.makeAgreement("hosts", tickets: ["host-1"])
            let token = "X-Ticket-Sharing-Token: \(TestService.token("hosts"))"
            for host in [
                "desk.example", "127.0.0.1.desk.example", "127.0.0.1:80:80", "", "localhost.", "[::1", "[::2]",
                "localhost:", "localhost:x", "localhost:80x", "localhost:+80", "localhost:65536", "[::1]:x",
            ] {
                let answer = try await get("/to/lenswerk/tickets/host-1", ["Host: \(host)", token], at: .desk)
                answer.expect(403, .notPermitted, host)
            }
            for host in ["127.0.0.1", "LOCALHOST:8411", "[::1]", "[::1]:1"] {
                let answer = try await get("/to/lenswerk/tickets/host-1", ["Host: \(host)", token], at: .desk)
                answer.expectTaken(200, host)
            }
            for name in ["nobody", "", "lenswerk%20", "Lenswerk", "..", "len;swerk", "lenswerk'--"] {
                let answer = try await get("/to/\(name)/tickets/host-1", ["Host: localhost", token], at: .desk)
                answer.expect(404, .unknownResource, name)
            }
            let other = try await get("/to/other/tickets/host-1", ["Host: localhost", token], at: .desk)
            other.expect(403, .notAuthorized, "a partner of another agreement")
        }
    }
}
