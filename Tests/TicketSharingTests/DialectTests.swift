import Testing
import TicketSharing

@Suite struct DialectTests {
    private let token = try? Token(header: "a1:key")

    @Test func `each dialect sends its headers`() {
        let credential = HeaderField("X-Ticket-Sharing-Token", "a1:key")
        let version = HeaderField("X-Ticket-Sharing-Version", "1")
        let accept = HeaderField("Accept", "application/json")
        let json = HeaderField("Content-Type", "application/json")
        let xJSON = HeaderField("Content-Type", "text/x-json; charset=\"UTF-8\"")
        #expect(Dialect.standard.headers(for: .post, token: token) == [accept, json, credential, version])
        #expect(Dialect.standard.headers(for: .delete, token: token) == [accept, credential, version])
        #expect(Dialect.standard.headers(for: .post, token: nil) == [accept, json, version])
        #expect(Dialect.zendesk.headers(for: .put, token: token) == [accept, json, credential])
        #expect(Dialect.rt.headers(for: .get, token: token) == [xJSON, credential, version])
        #expect(Dialect.allCases.filter(\.invitesWithToken) == [.rt])
    }

    @Test(arguments: [("gem/02", Dialect.zendesk), ("gem/04", .zendesk), ("rt/01", .rt), ("rt/03", .rt)])
    func `our headers are those that the dialect's own software sends`(name: String, dialect: Dialect) throws {
        let request = try WireRequest(name)
        let token = try Token(header: request.header("X-Ticket-Sharing-Token"))
        let ours = dialect.headers(for: request.method, token: token)
        let theirs = request.headers.map { HeaderField($0.name, String($0.value.dropFirst())) }
        #expect(theirs.filter { ours.map(\.name).contains($0.name) } == ours)
        #expect((theirs.contains { $0.name == "X-Ticket-Sharing-Version" }) == (dialect == .rt))
    }
}
