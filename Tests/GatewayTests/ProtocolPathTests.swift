import Gateway
import Sharing
import TicketSharing
import Testing

@Suite struct ProtocolPathTests {
    @Test(arguments: [
        ("/sharing/agreements/a1", Resource.agreements, "a1"),
        ("/sharing/tickets/t%2D1", .tickets, "t-1"),
        ("/sharing/tickets/%2e%2e", .tickets, ".."),
        ("/sharing/tickets/a%2Fb", .tickets, "a/b"),
        ("/sharing/tickets/100%", .tickets, "100%"),
        ("/sharing/tickets/%zz", .tickets, "%zz"),
        ("/sharing/tickets/", .tickets, ""),
    ])
    func `a path of the protocol names a resource and what stood for its identifier`(
        path: String,
        resource: Resource,
        identifier: String,
    ) {
        let route = ProtocolPath.route(path[...], below: "/sharing")
        #expect(route == IncomingRequest.Route(resource: resource, identifier: identifier))
    }

    @Test(arguments: [
        "/", "", "/sharing", "/sharing/", "/sharing/agreements", "/sharing/tickets/a/b", "/sharing/comments/a",
        "/sharingtickets/a", "/other/tickets/a", "//sharing/tickets/a", "/sharing//tickets/a", "/SHARING/tickets/a",
        "/sharing/Tickets/a", "/sharing/../tickets/a",
    ])
    func `any other path names nothing`(path: String) {
        #expect(ProtocolPath.route(path[...], below: "/sharing") == nil)
    }

    @Test func `the base path may be empty`() {
        #expect(ProtocolPath.route("/tickets/a", below: "")?.identifier == "a")
        #expect(ProtocolPath.route("tickets/a", below: "") == nil)
    }
}
