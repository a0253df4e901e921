import Testing
import TicketSharing

@Suite struct RequestRulesTests {
    @Test(arguments: [
        nil, "", "application/json", "APPLICATION/JSON; charset=utf-8", "text/x-json; charset=\"UTF-8\"",
        "text/json;charset=UTF8",
        "application/json; q=1; charset=us-ascii", "application/vnd.api+json", " application/json ",
    ])
    func `JSON in UTF-8 is taken by any of its names`(header: String?) {
        #expect(throws: Never.self) { try ContentType.check(header: header) }
    }

    @Test(arguments: [
        "text/html", "application/x-www-form-urlencoded", "application/json; charset=iso-8859-1", "application/jsonx",
        "application/json; charset=\"utf-16\"", "image/svg+json", "json",
    ])
    func `another type or charset is refused with 422`(header: String) {
        let refused = fault { try ContentType.check(header: header) }
        #expect(refused?.status == .unprocessable)
        #expect(refused?.code == .unsupportedContentType)
    }

    @Test func `only a version other than 1 is refused, with 412`() {
        for header in [nil, "", "1", " 1\t"] { #expect(fault { try ProtocolVersion.check(header: header) } == nil) }
        for header in ["2", "0", "1.0", "1,1", "one"] {
            #expect(fault { try ProtocolVersion.check(header: header) }?.status == .preconditionFailed)
        }
    }

    @Test func `each resource has its methods, and says so`() {
        #expect(Resource.agreements.methods == [.get, .post, .put])
        let refused = ProtocolFault.methodNotAllowed(on: .agreements)
        #expect(refused.status == .methodNotAllowed)
        #expect(refused.detail == "allowed are GET, POST, PUT")
        #expect(Resource.tickets.methods.contains(.delete))
    }
}
