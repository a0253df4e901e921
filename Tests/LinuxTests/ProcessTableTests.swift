import Foundation
import Linux
import Testing

@Suite struct ProcessTableTests {
    @Test func `our own process is listed with its working directory`() throws {
        let entry = try #require(try ProcessTable.entry(getpid()))
        #expect(entry.ownerID == OSUser.currentID)
        #expect(!entry.isZombie)
        let directory = try #require(try FileStatus(FileManager.default.currentDirectoryPath, followsLinks: true))
        #expect(entry.workingDirectory == directory.identity)
        let found = try ProcessTable.entries(named: [entry.name], in: directory.identity)
        #expect(found.contains { $0.id == getpid() })
    }

    @Test func `a number that no process has is nil`() throws {
        #expect(try ProcessTable.entry(.max) == nil)
    }

    @Test func `a child that has ended is a zombie until it is reaped`() throws {
        let user = try #require(try OSUser.with(id: OSUser.currentID))
        let pipe = try AnonymousPipe()
        let child = try Command("/bin/true", user: user).start(input: pipe.reading)
        let patience = Patience(.seconds(10))
        while try ProcessTable.entry(child.id)?.isZombie != true { try patience.pause() }
        #expect(try child.wait(patience: patience) == .code(0))
        #expect(try ProcessTable.entry(child.id) == nil)
    }
}
