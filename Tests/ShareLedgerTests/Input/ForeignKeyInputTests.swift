import TestPeers
import Testing
import TicketSharing

extension InputTests {
    /// A key of one agreement in requests that have nothing to do with it.
    @Suite struct ForeignKeyInputTests {
        @Test func `a key stands nowhere in the database, although nobody's token presents it`() async throws {
            let service = try TestService.shared
            let key = "77c0ffee5a69788796a5b4c3d2e1f00deadbee77"
            let invitation = """
                {"uuid":"foreign-key","status":"pending","access_key":"\(key)",\
                "sender_url":"https://foreign-key.example/sharing","receiver_url":"\(service.publicURL)"}
                """
            let source = ["X-Forwarded-For: \(SharedService.address(of: "foreign-key"))"]
            let invited = try await service.ask(
                .partner,
                "POST",
                "/agreements/foreign-key",
                token: nil,
                fields: source,
                invitation
            )
            invited.expectTaken(201)
            let referer = source + ["Referer: https://x.example/?token=foreign-key:\(key)"]
            for (method, path, fields) in [
                ("GET", "/tickets/\(key)", source), ("GET", "/tickets/t1", referer), ("PUT", "/agreements/x", source),
            ] {
                let body = method == "PUT" ? #"{"\#(key)":"\#(key)"}"# : ""
                let answer = try await service.ask(.partner, method, path, token: nil, fields: fields, body)
                answer.expect(401, .tokenMissing, path)
            }
            #expect(try await service.places(of: key) == [])
        }
    }
}
