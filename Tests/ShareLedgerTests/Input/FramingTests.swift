import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// Requests whose end two readers could see in different places, at the listeners of the built program.
    ///
    /// All shapes are tried on the server alone in `RequestHeadTests`, slow clients in `DeadlineTests`.
    @Suite struct FramingTests {
        /// A partner's agreement of this name, with two tickets that bear it.
        private func service(_ agreement: String) async throws -> TestService {
            let service = try TestService.shared
            try await service.makeAgreement(agreement, tickets: ["\(agreement)-1", "\(agreement)-2"])
            return service
        }

        /// A head with the right token; `fields` are as they come, each with its line end.
        private func head(_ door: Door, _ method: String, _ agreement: String, _ number: Int, _ fields: String)
            -> String
        {
            let line = "\(method) \(door.target("/tickets/\(agreement)-\(number)")) HTTP/1.1\r\nHost: localhost\r\n"
            return line + "X-Ticket-Sharing-Token: \(TestService.token(agreement))\r\n\(fields)\r\n"
        }

        @Test func `what could smuggle a request is refused, and nothing after it is served`() async throws {
            let service = try await service("smuggled")
            let chunked = "Transfer-Encoding: chunked\r\n"
            let shapes = [
                (chunked + "Content-Length: 5\r\n", "0\r\n\r\n"),
                ("Content-Length: 5\r\n" + chunked, "0\r\n\r\n"),
                ("Content-Length: 2\r\nContent-Length: 60\r\n", "{}"),
                ("Content-Length: 2\r\ncontent-length: 2\r\n", "{}"),
                ("Content-Length: 2, 2\r\n", "{}"), ("Content-Length: +2\r\n", "{}"), ("Content-Length: -2\r\n", "{}"),
                ("Content-Length: 0x2\r\n", "{}"), ("Content-Length:\r\n", "{}"), ("Content-Length : 2\r\n", "{}"),
                ("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
                ("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
                ("Transfer-Encoding: identity\r\n", "{}"), (chunked + chunked, "2\r\n{}\r\n0\r\n\r\n"),
                (chunked, "zz\r\n{}\r\n0\r\n\r\n"), (chunked, "-2\r\n{}\r\n0\r\n\r\n"),
                (chunked, "2 \r\n{}\r\n0\r\n\r\n"),
                (chunked, "FFFFFFFFFFFFFFFFF\r\n{}"), (chunked, "2\r\n{}X\r\n0\r\n\r\n"),
                (chunked, "0x2\r\n{}\r\n0\r\n\r\n"),
                ("X: a\r\n b\r\nContent-Length: 2\r\n", "{}"), ("Content-Len: 2\r\n gth\r\n", "{}"),
                ("X: a\nContent-Length: 2\r\n", "{}"), ("X: a\rContent-Length: 2\r\n", "{}"),
                ("X: a\u{0}b\r\nContent-Length: 2\r\n", "{}"), ("Host: elsewhere\r\nContent-Length: 2\r\n", "{}"),
                ("X: \(String(repeating: "x", count: 17 * 1024))\r\nContent-Length: 2\r\n", "{}"),
            ]
            for door in Door.allCases {
                for (fields, body) in shapes {
                    let smuggled = head(door, "DELETE", "smuggled", 2, "Content-Length: 0\r\n")
                    let client = try RawClient(port: service.port(of: door))
                    await client.send(head(door, "PUT", "smuggled", 1, fields) + body + smuggled)
                    let received = await client.receiveAll()
                    // With bytes unread the connection may be reset before the answer is read.
                    let isRefused = ["400", "413", "431", "501"].contains { received.hasPrefix("HTTP/1.1 \($0)") }
                    #expect(isRefused || received.isEmpty, "\(door) \(fields.prefix(200)) \(received.prefix(300))")
                    #expect(!received.contains("HTTP/1.1 2"))
                }
            }
            let types = "SELECT DISTINCT type FROM audit.message WHERE agreement = 'smuggled' AND ticket IS NOT NULL"
            #expect(try await service.sql(types) == "ticket.shared")
        }

        @Test(arguments: [
            ("Host: elsewhere\r\n", "ambiguous_host"),
            ("Content-Length: 0\r\nContent-Length: 0\r\n", "ambiguous_length"),
            ("Transfer-Encoding: gzip\r\n", "unknown_transfer_encoding"), ("X: a\r\n b\r\n", "malformed_head"),
        ])
        func `what is refused before it is read is told why`(fields: String, error: String) async throws {
            let service = try TestService.shared
            for door in Door.allCases {
                let client = try RawClient(port: service.port(of: door))
                await client.send(head(door, "PUT", "none", 1, fields))
                let answer = try #require(await client.receive())
                #expect(
                    [400, 501].contains(answer.status) && answer.body.contains(#"{"error":"\#(error)","detail":""#)
                )
                #expect(answer.header("Content-Type") == "application/json")
                #expect(answer.header("Connection")?.lowercased() == "close")
            }
        }

        @Test func `a length that is too long or too short takes no more than what was sent`() async throws {
            let service = try await service("lengths")
            let body = #"{"status":"solved"}"#
            for door in Door.allCases {
                let long = try RawClient(port: service.port(of: door))
                await long.send(head(door, "PUT", "lengths", 1, "Content-Length: 100\r\n") + body)
                long.abort()

                let short = try RawClient(port: service.port(of: door))
                await short.send(head(door, "PUT", "lengths", 1, "Content-Length: 5\r\n") + body + "\r\n\r\n")
                try #require(await short.receive()).expect(422, .malformedJSON)
                // The rest is read as a request, which it is none.
                #expect(await short.receive()?.status != 200)
            }
            let held = try await service.command("reconstruct", "lengths/lengths-1", "--json").output
            #expect(held.contains(#""status":"open""#))
        }

        @Test func `a chunked body is taken as what it says`() async throws {
            let service = try await service("chunks")
            for door in Door.allCases {
                let client = try RawClient(port: service.port(of: door))
                let status = door == .desk ? "desk" : "part"
                let body = "9\r\n{\"status\"\r\n7;a=b\r\n:\"\(status)\"\r\n1\r\n}\r\n0\r\nX-Trailer: x\r\n\r\n"
                await client.send(head(door, "PUT", "chunks", 1, "Transfer-Encoding: chunked\r\n") + body)
                try #require(await client.receive()).expectTaken(200, "\(door)")
            }
            let held = try await service.command("reconstruct", "chunks/chunks-1", "--json").output
            #expect(held.contains(#""status":"desk""#))
        }

        @Test func `a body on a request that has none is kept, means nothing, and is no request of its own`()
            async throws
        {
            let service = try await service("bodies")
            for (door, number) in [(Door.partner, 1), (.desk, 2)] {
                let client = try RawClient(port: service.port(of: door))
                let smuggled = head(door, "PUT", "bodies", number, "Content-Length: 2\r\n") + "{}"
                let length = "Content-Length: \(smuggled.utf8.count)\r\n"
                await client.send(head(door, "GET", "bodies", number, length) + smuggled)
                try #require(await client.receive()).expectTaken(200, "\(door)")
                let body = #"{"status":"solved","note":"\#(TestService.key)"}"#
                await client.send(
                    head(door, "DELETE", "bodies", number, "Content-Length: \(body.utf8.count)\r\n") + body
                )
                let deleted = try #require(await client.receive())
                deleted.expectTaken(200, "\(door)")
                await client.send(head(door, "GET", "bodies", number, ""))
                try #require(await client.receive()).expect(404, .unknownResource)
                let raw = try await service.command("event", "show", "\(deleted.position ?? -1)", "--raw").output
                #expect(raw == #"{"status":"solved","note":"[secret]"}"#)
            }
            let messages = """
                SELECT type, count(*) FROM audit.message WHERE agreement = 'bodies' AND accepted AND ticket IS NOT NULL
                GROUP BY 1 ORDER BY 1
                """
            #expect(try await service.sql(messages) == "ticket.read|2\nticket.shared|2\nticket.unshared|2")
        }

        @Test func `many requests on one connection are answered one by one and in order`() async throws {
            let service = try await service("many")
            let client = try RawClient(port: service.publicPort)
            let bodies = (0..<20).map { number in #"{"status":"s\#(number)"}"# }
            let requests = bodies.map { head(.partner, "PUT", "many", 1, "Content-Length: \($0.utf8.count)\r\n") + $0 }
            await client.send(requests.joined())
            var positions: [Int] = []
            for _ in bodies {
                let answer = try #require(await client.receive())
                answer.expectTaken(200)
                positions += [answer.position ?? -1]
            }
            #expect(positions == positions.sorted() && Set(positions).count == bodies.count)
        }
    }
}
