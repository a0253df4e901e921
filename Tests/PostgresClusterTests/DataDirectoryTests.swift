import Foundation
import Linux
import PostgresCluster
import TestSupport
import Testing

@Suite struct DataDirectoryTests {
    private let temporary: TemporaryDirectory

    init() throws {
        temporary = try TemporaryDirectory()
    }

    private func refusal(_ path: String) throws -> ClusterError.Code {
        try #require(throws: ClusterError.self) { try DataDirectory.prepare(at: path) }.code
    }

    private func make(_ name: String, permissions: Int, owner: UInt32 = OSUser.currentID) throws -> String {
        let path = temporary.path(of: name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
        if owner != OSUser.currentID {
            try FileManager.default.setAttributes([.ownerAccountID: owner], ofItemAtPath: path)
        }
        return path
    }

    @Test func `a missing directory is made with those above it, for its owner alone`() throws {
        let directory = try DataDirectory.prepare(at: temporary.path(of: "a/./b//data/"))
        #expect(directory.path == temporary.path(of: "a/b/data"))
        let status = try #require(try FileStatus(directory.path))
        #expect(status.permissions == 0o700)
        #expect(status.ownerID == directory.owner.id)
        #expect(directory.owner.id != 0)
    }

    @Test func `a path may step back, but not out of what does not exist`() throws {
        let directory = try DataDirectory.prepare(at: temporary.path(of: "a/b"))
        #expect(try DataDirectory.prepare(at: directory.path + "/../b/../../a/b").path == directory.path)
        #expect(try refusal(temporary.path(of: "missing/../data")) == .directoryRefused)
    }

    @Test func `preparing again changes nothing`() throws {
        let first = try DataDirectory.prepare(at: temporary.path(of: "data"))
        let second = try DataDirectory.prepare(at: temporary.path(of: "data"))
        #expect(first.path == second.path)
        #expect(first.owner == second.owner)
    }

    @Test func `a directory of ours that was opened to others is closed again`() throws {
        let directory = try DataDirectory.prepare(at: temporary.path(of: "data"))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
        _ = try DataDirectory.prepare(at: directory.path)
        #expect(try FileStatus(directory.path)?.permissions == 0o700)
    }

    @Test(arguments: ["", "/", "a\nb", "a\u{0}b", "/dev/null", "/etc/hostname/data"])
    func `what is no path for a directory is refused`(path: String) throws {
        #expect(throws: ClusterError.self) { try DataDirectory.prepare(at: path) }
    }

    @Test(arguments: [0o755, 0o700])
    func `a directory that holds other files is refused and left as it is`(permissions: Int) throws {
        let path = try make("home", permissions: permissions)
        try Data().write(to: URL(filePath: path + "/letter.txt"))
        #expect(try refusal(path) == .directoryRefused)
        #expect(try FileStatus(path)?.permissions == UInt32(permissions))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["letter.txt"])
        #expect(!DataDirectory.exists(at: path, withDatabase: false))
    }

    @Test func `a directory that holds what the first start is given is taken`() throws {
        let path = try make("data", permissions: 0o700)
        try Data().write(to: URL(filePath: path + "/key"))
        try FileManager.default.createDirectory(atPath: path + "/lost+found", withIntermediateDirectories: false)
        #expect(throws: Never.self) { try DataDirectory.prepare(at: path) }
        #expect(DataDirectory.exists(at: path, withDatabase: false))
        #expect(!DataDirectory.exists(at: path, withDatabase: true))
    }

    @Test(arguments: ["", "/base", "/base/data"])
    func `nothing is made in the directory of a PostgreSQL`(place: String) throws {
        let path = try make("pgdata", permissions: 0o700)
        try Data().write(to: URL(filePath: path + "/PG_VERSION"))
        try FileManager.default.createDirectory(atPath: path + "/base", withIntermediateDirectories: false)
        #expect(try refusal(path + place) == .directoryRefused)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: path).sorted() == ["PG_VERSION", "base"])
    }

    @Test func `a directory below one that anybody may write to is refused`() throws {
        let path = try make("open", permissions: 0o777)
        #expect(try refusal(path + "/data") == .directoryRefused)
    }

    @Test func `a directory below a sticky one is taken`() throws {
        let path = try make("sticky", permissions: 0o1777)
        #expect(throws: Never.self) { try DataDirectory.prepare(at: path + "/data") }
    }

    @Test func `a link of ours is followed, and the path is what it leads to`() throws {
        let real = try DataDirectory.prepare(at: temporary.path(of: "data"))
        try FileManager.default.createSymbolicLink(atPath: temporary.path(of: "link"), withDestinationPath: "./data")
        #expect(try DataDirectory.prepare(at: temporary.path(of: "link")).path == real.path)
    }

    @Test func `links that lead to each other are refused`() throws {
        let (one, other) = (temporary.path(of: "one"), temporary.path(of: "other"))
        try FileManager.default.createSymbolicLink(atPath: one, withDestinationPath: other)
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: one)
        #expect(try refusal(one + "/data") == .directoryRefused)
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `root's server runs as the owner of an existing directory`() throws {
        let nobody = try #require(try OSUser.named("nobody"))
        let path = try make("data", permissions: 0o700, owner: nobody.id)
        #expect(try DataDirectory.prepare(at: path).owner == nobody)
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a link of another user is refused`() throws {
        let link = temporary.path(of: "link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: temporary.path)
        #expect(unsafe lchown(link, 12345, 12345) == 0)
        #expect(try refusal(link + "/data") == .directoryRefused)
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a directory below an open one of another user is refused, sticky or not`() throws {
        let path = try make("sticky", permissions: 0o1777, owner: 12345)
        #expect(try refusal(path + "/data") == .directoryRefused)
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a directory that the server's user cannot reach is refused with its name`() throws {
        let path = try make("private", permissions: 0o700)
        let error = try #require(throws: ClusterError.self) { try DataDirectory.prepare(at: path + "/data") }
        #expect(error.code == .unusableUser)
        #expect(error.message.contains(path))
        #expect(try FileStatus(path + "/data") == nil)
    }

    @Test(.enabled(if: OSUser.currentID == 0, "needs root"))
    func `a directory of another user is refused to whoever is not root`() async throws {
        let directory = try DataDirectory.prepare(at: temporary.path(of: "data"))
        let nobody = try #require(try OSUser.named("nobody"))
        let holder = Command(try HolderProcess.program, [directory.path], user: nobody)
        let result = try holder.run(patience: Patience(.seconds(30)))
        #expect(result.output.contains("failed foreignOwner"), "\(result.output)")
    }
}
