import Linux
import PostgresCluster
import Testing

@Suite(.timeLimit(.minutes(5))) struct PrivilegesTests {
    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a process of root's keeps nothing of root once it has dropped its privileges`() async throws {
        let fixture = try ClusterFixture()
        let owner = fixture.directory.owner
        let holder = try HolderProcess(fixture.directory.path)
        #expect(try holder.answer()?.hasPrefix("open ") == true)
        let status = try FileDescriptor("/proc/\(holder.id)/status", for: .reading).text()
        var fields: [Substring: [Substring]] = [:]
        for line in status.split(separator: "\n") {
            let words = line.split { ": \t".contains($0) }
            if let name = words.first { fields[name] = Array(words.dropFirst()) }
        }
        #expect(fields["Uid"] == Array(repeating: "\(owner.id)", count: 4))
        #expect(fields["Gid"] == Array(repeating: "\(owner.groupID)", count: 4))
        #expect(fields["Groups"] == ["\(owner.groupID)"])
        #expect(fields["Umask"] == ["0077"])
        for set in ["CapPrm", "CapEff", "CapAmb"] {
            #expect(fields[Substring(set)] == ["0000000000000000"])
        }
        try holder.tell("close")
        #expect(try holder.answer() == "closed")
    }
}
