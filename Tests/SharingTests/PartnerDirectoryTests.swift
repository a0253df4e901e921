import Ledger
import Sharing
import TicketSharing
import Testing

@Suite struct PartnerDirectoryTests {
    private func partner(_ id: Int64, _ name: String, _ url: String) throws -> PartnerRecord {
        PartnerRecord(id: Position(rawValue: id), name: name, baseURL: try BaseURL(url), state: .active)
    }

    @Test func `a partner is found by any writing of its URL, and not under what it was called before`() throws {
        var directory = PartnerDirectory([try partner(1, "old", "https://Desk.example/sharing")])
        #expect(directory[url: try BaseURL("https://desk.example:443/sharing/")]?.name == "old")
        directory.put(try partner(1, "new", "https://desk.example/moved"))
        #expect(directory[name: "old"] == nil)
        #expect(directory[url: try BaseURL("https://desk.example/sharing")] == nil)
        #expect(directory[name: "new"]?.id == Position(rawValue: 1))
        #expect(directory.all.count == 1)
    }

    @Test func `provisional names come from the host, and are taken once`() throws {
        let url = try BaseURL("https://desk.example/sharing")
        var directory = PartnerDirectory()
        #expect(directory.provisionalName(for: url) == "proposed-desk-example")
        directory.put(try partner(1, "proposed-desk-example", "https://desk.example/a"))
        #expect(directory.provisionalName(for: url) == "proposed-desk-example-2")
        #expect(PartnerRecord.isName(directory.provisionalName(for: url)))
    }

    @Test(arguments: ["", "-a", ".a", "A", "a b", "a/b", "ä", "a'b", String(repeating: "a", count: 64)])
    func `what could not stand in a URL or a command is no name`(name: String) {
        #expect(!PartnerRecord.isName(name))
    }

    @Test func `invitations have room in all and of one source`() {
        var pending = PendingInvitations()
        for _ in 0..<PendingInvitations.limitPerSource {
            #expect(pending.hasRoom(for: "a"))
            pending.add("a")
        }
        #expect(!pending.hasRoom(for: "a"))
        #expect(pending.hasRoom(for: "b"))
        for number in 0..<(PendingInvitations.limit - PendingInvitations.limitPerSource) {
            pending.add("s\(number)")
        }
        #expect(!pending.hasRoom(for: "c"))
    }
}
